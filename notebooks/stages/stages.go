// Package stages applies the tail decomposition to a dataset's traced runs.
package stages

import (
	"fmt"
	"slices"

	"crossing/data"
	"crossing/notebooks/figure"
	"crossing/notebooks/runs"
	"crossing/notebooks/tail"
)

// A Group is the traced runs of one tier at one load.
type Group struct {
	Tier runs.Tier
	Load string
	Runs []tail.Joined
}

// Groups reads the traced runs of the set, on one file.
func Groups(s *runs.Set, file string) ([]Group, error) {
	var groups []Group
	all := s.Runs()
	for i := range all {
		r := &all[i]
		if !r.Traced || r.Outcome != data.OK || r.File != file {
			continue
		}
		requests, err := s.Requests(r)
		if err != nil {
			return nil, err
		}
		times, err := s.Stages(r)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(groups, func(g Group) bool { return g.Tier.Name == r.Tier && g.Load == r.Load })
		if at < 0 {
			groups = append(groups, Group{Tier: runs.Tier{Name: r.Tier, Boundary: r.Boundary}, Load: r.Load})
			at = len(groups) - 1
		}
		groups[at].Runs = append(groups[at].Runs, tail.Join(requests, times))
	}
	slices.SortFunc(groups, func(a, b Group) int {
		if a.Tier.Name != b.Tier.Name {
			return slices.IndexFunc(s.Tiers(), func(t runs.Tier) bool { return t == a.Tier }) - slices.IndexFunc(s.Tiers(), func(t runs.Tier) bool { return t == b.Tier })
		}
		return len(a.Load) - len(b.Load)
	})
	return groups, nil
}

// Figure draws, for every group, where the middle half and the slowest 1 % of
// the requests spend their time.
func Figure(s *runs.Set, groups []Group) *figure.Figure {
	f := figure.Stack{Title: "Where requests spend their time", Parts: tail.Names[:], Notes: []string{fmt.Sprintf("Dataset %s, traced runs; shares of the service time, means over runs.", s.Meta.ID())}}
	for _, g := range groups {
		for _, band := range bands {
			b := figure.Bar{Name: fmt.Sprintf("%s %s, %s", g.Tier.Name, g.Load, band.name)}
			shares, err := tail.Shares(g.Runs, band.from, band.to)
			if err != nil {
				b.Why = err.Error()
			}
			for _, s := range shares {
				b.Shares = append(b.Shares, s.Estimate)
			}
			f.Bars = append(f.Bars, b)
		}
	}
	if len(groups) == 0 {
		f.Notes = append(f.Notes, "This dataset has no traced runs; collect with a plan that says trace: true.")
	}
	return f.Draw()
}

var bands = []struct {
	name     string
	from, to float64
}{{"middle half", .25, .75}, {"slowest 1 %", .99, 1}}

// Table is the shares with their intervals as rows under a header.
func Table(groups []Group) (header []string, rows [][]string) {
	header = append([]string{"tier", "load", "requests"}, tail.Names[:]...)
	for _, g := range groups {
		for _, band := range bands {
			row := []string{g.Tier.Name, g.Load, band.name}
			shares, err := tail.Shares(g.Runs, band.from, band.to)
			if err != nil {
				rows = append(rows, append(row, err.Error()))
				continue
			}
			for _, s := range shares {
				row = append(row, fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*s.Estimate, 100*max(0, s.Lo), 100*min(1, s.Hi)))
			}
			rows = append(rows, row)
		}
	}
	return header, rows
}

// Answer says which part of the slowest 1 % grows most against the middle
// half, for each group.
func Answer(groups []Group) []string {
	var all []string
	for _, g := range groups {
		middle, err := tail.Shares(g.Runs, .25, .75)
		if err != nil {
			continue
		}
		slow, err := tail.Shares(g.Runs, .99, 1)
		if err != nil {
			continue
		}
		best := 0
		for p := range slow {
			if slow[p].Estimate-middle[p].Estimate > slow[best].Estimate-middle[best].Estimate {
				best = p
			}
		}
		all = append(all, fmt.Sprintf("%s %s: the slowest 1 %% spend %.0f %% of their time in “%s”, the middle half %.0f %%.", g.Tier.Name, g.Load, 100*slow[best].Estimate, slow[best].Part, 100*middle[best].Estimate))
	}
	if len(all) == 0 {
		all = []string{"This dataset has no traced runs, so where the slow requests spend their time cannot be told from it."}
	}
	return all
}
