// SPDX-License-Identifier: Apache-2.0

// Package validity asks how far a dataset's runs can be trusted: what the
// machine did beside them, what the self-checks said, and whether they were in a
// steady state.
package validity

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// A Tier is how valid the usable runs of one tier are.
type Tier struct {
	runs.Tier
	Runs, Rejected, Failed int
	Marked                 map[string]int // runs by mark
	Occupancy              float64        // lowest of all runs
	Headroom               float64        // lowest ratio of the client's own ceiling to the rate; NaN: never measured
	Tested, Drifting       int            // runs long enough for a test of the trend, and those with one
	Effective              float64        // median share of a run's windows that is worth as much if independent; NaN: none
}

// Tiers reads all runs of the set.
func Tiers(s *runs.Set) ([]Tier, error) {
	var tiers []Tier
	all := s.Runs()
	for _, t := range s.Tiers() {
		v := Tier{Tier: t, Marked: map[string]int{}, Occupancy: math.Inf(1), Headroom: math.NaN()}
		var p, effective []float64
		for i := range all {
			r := &all[i]
			if r.Tier != t.Name {
				continue
			}
			switch r.Outcome {
			case dataset.Failed:
				v.Failed++
				continue
			case dataset.Rejected:
				v.Rejected++
				continue
			}
			v.Runs++
			for _, m := range strings.Fields(r.Marks) {
				v.Marked[m]++
			}
			if r.Loop == "closed" {
				v.Occupancy = min(v.Occupancy, r.Occupancy)
			}
			if r.NullRate > 0 && r.Throughput > 0 && !(v.Headroom < r.NullRate/r.Throughput) {
				v.Headroom = r.NullRate / r.Throughput
			}
			if r.ElapsedNs > 0 && r.ElapsedNs < stats.FewestWindows*stats.TrendWindow {
				continue // too short for the test, whatever its rows say; reading them is what takes time here
			}
			requests, err := s.Requests(r)
			if err != nil {
				return nil, err
			}
			means := windowMeans(requests, stats.TrendWindow)
			if _, trend, err := stats.MannKendall(means); err == nil {
				p = append(p, trend)
				if e := stats.EffectiveSize(means) / float64(len(means)); !math.IsNaN(e) {
					effective = append(effective, min(e, 1))
				}
			}
		}
		v.Tested = len(p)
		for _, trend := range p {
			if trend < stats.Alpha/float64(len(p)) { // Bonferroni: each run of the tier is tested
				v.Drifting++
			}
		}
		v.Effective = math.NaN()
		if len(effective) > 0 {
			slices.Sort(effective)
			v.Effective = effective[len(effective)/2]
		}
		tiers = append(tiers, v)
	}
	return tiers, nil
}

// Table is the tiers as rows under a header.
func Table(tiers []Tier) (header []string, rows [][]string) {
	header = []string{"tier", "usable runs", "rejected", "failed", "marks", "lowest occupancy", "client's headroom", "runs with a trend", "effective share of windows"}
	for _, t := range tiers {
		var marks []string
		for m, n := range t.Marked {
			marks = append(marks, fmt.Sprintf("%s: %d", m, n))
		}
		slices.Sort(marks)
		trend := "too short to test"
		if t.Tested > 0 {
			trend = fmt.Sprintf("%d of %d", t.Drifting, t.Tested)
		}
		rows = append(rows, []string{t.Name, fmt.Sprint(t.Runs), fmt.Sprint(t.Rejected), fmt.Sprint(t.Failed), strings.Join(marks, ", "),
			number(t.Occupancy, "none"), number(t.Headroom, "not measured"), trend, number(t.Effective, "too short")})
	}
	return header, rows
}

func number(v float64, none string) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return none
	}
	return stats.Number(v, 3)
}

// Noise draws, block by block, the machine's own jitter just before the runs.
func Noise(s *runs.Set) *figure.Figure {
	l := figure.Lines{Title: "The machine's jitter", X: "Block", Y: "Gap (µs)", LogY: true, Width: figure.PageWidth, WholeX: true,
		Notes: append([]string{fmt.Sprintf("Dataset %s; means and 95 %% intervals over a block's runs: gaps over 1 µs in a spinning thread before each run.", s.Meta.ID())}, s.Notes()[1:]...)}
	zero := 0
	for _, q := range []struct {
		name, boundary string
		of             func(*dataset.Run) float64
	}{
		{"99th percentile", "user", func(r *dataset.Run) float64 { return float64(r.JitterP99) / 1e3 }},
		{"longest", "kernel", func(r *dataset.Run) float64 { return float64(r.JitterMax) / 1e3 }},
	} {
		by := map[int32][]float64{}
		var blocks []int32
		all := s.Runs()
		for i := range all {
			r := &all[i]
			if r.Outcome == dataset.Failed {
				continue
			}
			v := q.of(r)
			if !(v > 0) || math.IsInf(v, 0) {
				zero++
				continue
			}
			if by[r.Block] == nil {
				blocks = append(blocks, r.Block)
			}
			by[r.Block] = append(by[r.Block], v)
		}
		slices.Sort(blocks)
		line := figure.Series{Name: q.name, Boundary: q.boundary}
		for _, b := range blocks {
			in, _ := stats.PositiveMean(by[b], stats.Level) // of one run: no interval, and the figure notes it
			line.Points = append(line.Points, figure.Point{X: float64(b), Y: in.Estimate, Lo: in.Lo, Hi: in.Hi})
		}
		l.Series = append(l.Series, line)
	}
	if zero > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("%d values are zero or were not measured, and not in the means.", zero))
	}
	return l.Draw()
}
