// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"crossing/data/dataset"
	"crossing/internal/root"
	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// Open opens the dataset that runs.DatasetEnv names, else the newest releases
// of those that hold stages, else that of "netns", which has none.
func Open() (sets []*runs.Set, err error) {
	if os.Getenv(runs.DatasetEnv) == "" {
		repo, err := root.Find()
		if err != nil {
			return nil, err
		}
		folder := filepath.Join(repo, "data")
		released, err := dataset.Releases(folder)
		if err != nil {
			return nil, err
		}
		for _, name := range []string{"netns-stages", "vm-stages"} {
			r, ok := dataset.Newest(released, name)
			if !ok {
				continue
			}
			s, err := runs.OpenFolder(r.Dir(folder))
			if err != nil {
				return nil, err
			}
			sets = append(sets, s)
		}
	}
	if len(sets) == 0 {
		s, err := runs.Open("netns")
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	return sets, nil
}

// A Group is the traced runs of one tier at one load.
type Group struct {
	Tier runs.Tier
	Load string // without the mark of a traced run
	Runs []Joined
	// Excluded are the runs whose stages are not those of their requests.
	Excluded []error
}

// Groups reads the traced runs of the set, on one file.
func Groups(s *runs.Set, file string) ([]Group, error) {
	var groups []Group
	for _, all := range traced(s, file) {
		first := &all[0]
		g := Group{Tier: runs.Tier{Name: first.Tier, Boundary: first.Boundary}, Load: untraced(first.Load)}
		for i := range all {
			requests, err := s.Requests(&all[i])
			if err != nil {
				return nil, err
			}
			times, err := s.Stages(&all[i])
			if err != nil {
				return nil, err
			}
			j, err := Join(requests, times)
			if err != nil {
				g.Excluded = append(g.Excluded, fmt.Errorf("run %s: %w", all[i].Run, err))
				continue
			}
			g.Runs = append(g.Runs, j)
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// traced are the usable traced runs, by tier and connections.
func traced(s *runs.Set, file string) (groups [][]dataset.Run) {
	for _, r := range s.Runs() {
		if !r.Traced || r.Outcome != dataset.OK || r.File != file {
			continue
		}
		at := slices.IndexFunc(groups, func(g []dataset.Run) bool { return g[0].Tier == r.Tier && g[0].Load == r.Load })
		if at < 0 {
			groups = append(groups, nil)
			at = len(groups) - 1
		}
		groups[at] = append(groups[at], r)
	}
	place := func(r *dataset.Run) int {
		return slices.Index(s.Tiers(), runs.Tier{Name: r.Tier, Boundary: r.Boundary})
	}
	slices.SortStableFunc(groups, func(a, b []dataset.Run) int {
		return cmp.Or(place(&a[0])-place(&b[0]), int(a[0].Connections-b[0].Connections))
	})
	return groups
}

// untraced is the load's label without the mark of a traced run.
func untraced(load string) string { return strings.TrimSuffix(load, "t") }

// name is the load as a figure has room for it: its connections.
func (g *Group) name() string { return strings.TrimPrefix(g.Load, "c") }

// Figure draws, for every group, where the middle half and the slowest 1 % of
// the requests spend their time.
func Figure(s *runs.Set, groups []Group) *figure.Figure {
	f := figure.Stack{
		Title: "Where requests spend their time, by server and connections", Parts: Names[:],
		Notes: []string{fmt.Sprintf("Dataset %s, traced runs; shares of the service time, means over runs; their 95 %% intervals are in the table. Both bands are of the same runs. Behind each bar: the band's mean time, and the factor to either end of its interval. A part that a server does not have is not drawn.", s.Meta.ID())},
	}
	for _, band := range bands {
		f.Panels = append(f.Panels, band.Name)
	}
	few := false
	for _, g := range groups {
		both := InBoth(g.Runs)
		row := figure.Row{Group: g.Tier.Name, Name: g.name(), Colour: figure.Colour(g.Tier.Boundary)}
		for _, band := range bands {
			b := figure.Bar{}
			shares, err := Shares(both, band.From, band.To)
			if err != nil {
				b.Why, few = "too few requests", true
			}
			for _, s := range shares {
				b.Shares = append(b.Shares, s.Estimate)
			}
			if mean, err := Time(both, band.From, band.To); err == nil {
				b.Label = micros(mean.Estimate)
				if !math.IsNaN(mean.Hi) {
					digits := 1
					if mean.Hi > 9.95*mean.Estimate {
						digits = 0
					}
					b.Label += fmt.Sprintf(" ×÷%.*f", digits, mean.Hi/mean.Estimate)
				}
			}
			row.Bars = append(row.Bars, b)
		}
		f.Rows = append(f.Rows, row)
	}
	for _, g := range groups {
		for _, err := range g.Excluded {
			f.Notes = append(f.Notes, "Excluded, "+err.Error()+".")
		}
	}
	if few {
		f.Notes = append(f.Notes, "Too few requests: no run has ten of them in the band.")
	}
	if len(groups) == 0 {
		f.Notes = append(f.Notes, "This dataset has no traced runs; collect with a plan that has trace: true.")
	}
	return f.Draw()
}

// micros is a time to three digits.
func micros(ns float64) string {
	digits := math.Pow(10, math.Floor(math.Log10(max(ns, 1)))-2)
	return time.Duration(math.Round(ns/digits) * digits).String()
}

var bands = []Band{Middle, Slowest}

// Table is the shares with their intervals as rows under a header.
func Table(groups []Group) (header []string, rows [][]string) {
	header = append([]string{"tier", "load", "requests"}, Names[:]...)
	for _, g := range groups {
		both := InBoth(g.Runs)
		for _, band := range bands {
			row := []string{g.Tier.Name, g.Load, band.Name}
			shares, err := Shares(both, band.From, band.To)
			if err != nil {
				rows = append(rows, append(row, err.Error()))
				continue
			}
			for _, s := range shares {
				cell := fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*s.Estimate, 100*max(0, s.Lo), 100*min(1, s.Hi))
				if math.IsNaN(s.Lo) {
					cell = fmt.Sprintf("%.1f %% (one run)", 100*s.Estimate)
				}
				row = append(row, cell)
			}
			rows = append(rows, row)
		}
	}
	return header, rows
}

// Coverage lists, for each tier and load, what took the stages, how many requests
// have them and how many not, and what taking them cost: the request rate with
// the tracer to that without, in the same block.
func Coverage(s *runs.Set, file string) (header []string, rows [][]string) {
	header = []string{"tier", "load", "by", "runs", "joined", "unjoined", "outside", "disordered", "lost", "rate with / without [95 %]"}
	type cell struct{ tier, load string }
	type block struct {
		cell
		block int32
	}
	rates := map[block]float64{}
	for _, r := range s.Runs() {
		if !r.Traced && r.Outcome == dataset.OK && r.File == file {
			rates[block{cell{r.Tier, r.Load}, r.Block}] = r.Throughput
		}
	}
	for _, g := range traced(s, file) {
		var n, joined, unjoined, outside, disordered, lost int64
		var by []string
		var ratios []float64
		for _, r := range g {
			n++
			joined, unjoined, outside = joined+r.Stages, unjoined+r.Unjoined, outside+r.Outside
			disordered, lost = disordered+r.Disordered, lost+r.Lost
			if !slices.Contains(by, r.Trace) {
				by = append(by, r.Trace)
			}
			if without := rates[block{cell{r.Tier, untraced(r.Load)}, r.Block}]; without > 0 && r.Throughput > 0 {
				ratios = append(ratios, r.Throughput/without)
			}
		}
		cost := "no pair"
		if in, err := stats.GeometricMean(ratios, stats.Level); err == nil {
			cost = fmt.Sprintf("%.2f [%.2f, %.2f]", in.Estimate, in.Lo, in.Hi)
		} else if errors.Is(err, stats.ErrTooFew) && len(ratios) == 1 {
			cost = fmt.Sprintf("%.2f, one pair", ratios[0])
		}
		rows = append(rows, []string{
			g[0].Tier, untraced(g[0].Load), strings.Join(by, ", "), fmt.Sprint(n), fmt.Sprint(joined), fmt.Sprint(unjoined),
			fmt.Sprint(outside), fmt.Sprint(disordered), fmt.Sprint(lost), cost,
		})
	}
	return header, rows
}
