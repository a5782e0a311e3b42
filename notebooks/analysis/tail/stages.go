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
			g.Runs = append(g.Runs, Join(requests, times))
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
		Notes: []string{fmt.Sprintf("Dataset %s, traced runs; shares of the service time, means over runs; their 95 %% intervals are in the table. Behind each bar: the band's mean time (geometric over runs), and by what factor its interval goes either way. A part that a server does not have is not drawn.", s.Meta.ID())},
	}
	for _, band := range bands {
		f.Panels = append(f.Panels, band.name)
	}
	few := false
	for _, g := range groups {
		row := figure.Row{Group: g.Tier.Name, Name: g.name(), Colour: figure.Colour(g.Tier.Boundary)}
		for _, band := range bands {
			b := figure.Bar{}
			shares, err := Shares(g.Runs, band.from, band.to)
			if err != nil {
				b.Why, few = "too few requests", true
			}
			for _, s := range shares {
				b.Shares = append(b.Shares, s.Estimate)
			}
			if mean, err := Time(g.Runs, band.from, band.to); err == nil {
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
	if few {
		f.Notes = append(f.Notes, "Too few requests: no run has ten of them in the band.")
	}
	if len(groups) == 0 {
		f.Notes = append(f.Notes, "This dataset has no traced runs; collect with a plan that says trace: true.")
	}
	return f.Draw()
}

// micros is a time to three digits.
func micros(ns float64) string {
	digits := math.Pow(10, math.Floor(math.Log10(max(ns, 1)))-2)
	return time.Duration(math.Round(ns/digits) * digits).String()
}

var bands = []struct {
	name     string
	from, to float64
}{{"middle half", .25, .75}, {"slowest 1 %", .99, 1}}

// Table is the shares with their intervals as rows under a header.
func Table(groups []Group) (header []string, rows [][]string) {
	header = append([]string{"tier", "load", "requests"}, Names[:]...)
	for _, g := range groups {
		for _, band := range bands {
			row := []string{g.Tier.Name, g.Load, band.name}
			shares, err := Shares(g.Runs, band.from, band.to)
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

// Coverage says, for each tier and load, what took the stages, how many requests
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

// Answer says, in a sentence for each tier, which part of the slowest 1 % grows
// most against the middle half, at each load; none where none grows by half a
// per cent of the time.
func Answer(groups []Group) []string {
	var all []string
	var of string
	for _, g := range groups {
		middle, err := Shares(g.Runs, .25, .75)
		if err != nil {
			continue
		}
		slow, err := Shares(g.Runs, .99, 1)
		if err != nil {
			continue
		}
		best := 0
		for p := range slow {
			if slow[p].Estimate-middle[p].Estimate > slow[best].Estimate-middle[best].Estimate {
				best = p
			}
		}
		at := fmt.Sprintf("at %s in no part more than in another", g.name())
		if slow[best].Estimate-middle[best].Estimate >= .005 {
			at = fmt.Sprintf("at %s in “%s” (%.0f → %.0f %% of the time)", g.name(), slow[best].Part, 100*middle[best].Estimate, 100*slow[best].Estimate)
		}
		if g.Tier.Name == of {
			all[len(all)-1] += ", " + at
			continue
		}
		of = g.Tier.Name
		all = append(all, fmt.Sprintf("%s: the slowest 1 %% lose more than the middle half %s", of, at))
	}
	for i := range all {
		all[i] += "."
	}
	if len(groups) == 0 {
		return []string{"This dataset has no traced runs, so where the slow requests spend their time cannot be told from it."}
	}
	if len(all) == 0 {
		return []string{"No traced run of this dataset has requests enough to tell where the slowest 1 % spend their time."}
	}
	return all
}
