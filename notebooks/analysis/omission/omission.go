// SPDX-License-Identifier: Apache-2.0

package omission

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// A Row is a tier at a load: how many times a tool's p99 is the honest one.
type Row struct {
	Tier           runs.Tier
	Load           string
	Honest, Tool   stats.Interval // in µs, arithmetic means over runs
	stats.Interval                // Tool / Honest, over runs
	Err            error
}

// Corrected compares, for the closed loops on one file at a number of
// connections, what wrk would print with what was measured.
func Corrected(s *runs.Set, file string, connections int) ([]Row, error) {
	return compare(s, file, .99, func(r *dataset.Run) bool {
		return r.Outcome == dataset.OK && r.Loop == "closed" && int(r.Connections) == connections
	},
		func(r *dataset.Run) (honest, tool float64, n int, err error) {
			x, err := s.Latencies(r, dataset.Service, nil)
			return Measured(x).P99, Wrk(x, r.ElapsedNs, int(r.Connections)).P99, len(x), err
		})
}

// Omitted compares, for the open loops on one file, the service time, which is
// what a closed loop would report, with the response time, which users wait.
func Omitted(s *runs.Set, file string) ([]Row, error) {
	return compare(s, file, .99, func(r *dataset.Run) bool { return runs.Measured(r) && r.Loop == "open" },
		func(r *dataset.Run) (honest, tool float64, n int, err error) {
			response, err := s.Latencies(r, dataset.Response, nil)
			if err != nil {
				return 0, 0, 0, err
			}
			service, err := s.Latencies(r, dataset.Service, nil)
			return Measured(response).P99, Measured(service).P99, len(service), err
		})
}

// Client compares, for runs whose last segments the kernel or the NIC stamped
// on arrival, the time until that stamp with the time until the client had the
// last byte: the difference is the client's own.
func Client(s *runs.Set, file string) ([]Row, error) {
	return compare(s, file, .5, func(r *dataset.Run) bool { return r.Outcome == dataset.OK && !r.Traced && r.Loop == "closed" },
		func(r *dataset.Run) (honest, tool float64, n int, err error) {
			// Most datasets have no stamps; whole rows are slow to read.
			if stamped, err := s.Stamped(r); err != nil || !stamped {
				return 0, 0, -1, err
			}
			requests, err := s.Requests(r)
			if err != nil {
				return 0, 0, 0, err
			}
			var arrived, had []int64
			for i := range requests {
				if q := &requests[i]; q.StampNs > q.SentNs && q.OK() && !q.WarmUp {
					arrived, had = append(arrived, q.StampNs-q.SentNs), append(had, q.ServiceNs())
				}
			}
			if len(arrived) == 0 {
				return 0, 0, -1, nil // no stamps: not a row
			}
			return median(arrived), median(had), len(arrived), nil
		})
}

func median(x []int64) float64 {
	slices.Sort(x)
	return float64(x[(len(x)-1)/2])
}

// compare computes a pair of latencies in ns, the quantile q of n requests, for
// every run that use picks, and their ratio over the runs of a tier and load. A
// run that does not bound the quantile leaves the tier and load without a value.
func compare(s *runs.Set, file string, q float64, use func(*dataset.Run) bool, of func(*dataset.Run) (honest, tool float64, n int, err error)) ([]Row, error) {
	type group struct {
		honest, tool, ratio []float64
		err                 error
	}
	groups := map[string]*group{}
	all := s.Runs()
	for i := range all {
		r := &all[i]
		if r.File != file || !use(r) {
			continue
		}
		honest, tool, n, err := of(r)
		if err != nil {
			return nil, err
		}
		if n < 0 {
			continue
		}
		g := groups[r.Tier+"\x00"+r.Load]
		if g == nil {
			g = &group{}
			groups[r.Tier+"\x00"+r.Load] = g
		}
		if _, _, err := stats.QuantileBounds(n, q, stats.Level); err != nil {
			g.err = fmt.Errorf("run %s: %w", r.Run, err)
			continue
		}
		g.honest, g.tool, g.ratio = append(g.honest, honest/1e3), append(g.tool, tool/1e3), append(g.ratio, tool/honest)
	}
	var rows []Row
	for _, t := range s.Tiers() {
		var loads []string
		for k := range groups {
			if tier, load, _ := strings.Cut(k, "\x00"); tier == t.Name {
				loads = append(loads, load)
			}
		}
		slices.SortFunc(loads, func(a, b string) int {
			if len(a) != len(b) {
				return len(a) - len(b)
			}
			return strings.Compare(a, b)
		})
		for _, load := range loads {
			g := groups[t.Name+"\x00"+load]
			row := Row{Tier: t, Load: load, Interval: stats.Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}, Err: g.err}
			if row.Err == nil {
				row.Honest, _ = stats.PositiveMean(g.honest, stats.Level)
				row.Tool, _ = stats.PositiveMean(g.tool, stats.Level)
				if row.Interval, row.Err = stats.GeometricMean(g.ratio, stats.Level); errors.Is(row.Err, stats.ErrTooFew) {
					row.Err = nil // one run: a value without interval
				}
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// Figure draws the ratios of rows. none is what it means that there are none.
func Figure(s *runs.Set, title, axis string, rows []Row, none string) *figure.Figure {
	f := figure.Forest{Title: title, X: axis, Notes: []string{fmt.Sprintf("Dataset %s; geometric means of the ratios and 95 %% intervals over runs.", s.Meta.ID())}, Width: figure.PageWidth}
	f.Notes = append(f.Notes, s.Notes()[1:]...)
	for _, r := range rows {
		e := figure.Estimate{Name: r.Tier.Name + " " + r.Load, Boundary: r.Tier.Boundary, Value: r.Estimate, Lo: r.Lo, Hi: r.Hi}
		if r.Err != nil {
			e.Why = r.Err.Error()
		}
		f.Rows = append(f.Rows, e)
	}
	if len(rows) == 0 {
		f.Notes = append(f.Notes, none)
	}
	return f.Draw()
}

// Table is rows as text under a header; honest and tool name the two latencies.
func Table(rows []Row, honest, tool string) (header []string, out [][]string) {
	header = []string{"tier", "load", honest + " (µs)", tool + " (µs)", "ratio", "runs"}
	for _, r := range rows {
		if r.Err != nil {
			out = append(out, []string{r.Tier.Name, r.Load, r.Err.Error(), "", "", ""})
			continue
		}
		out = append(out, []string{r.Tier.Name, r.Load, r.Honest.String(), r.Tool.String(), r.Interval.String(), fmt.Sprint(r.N)})
	}
	return header, out
}
