// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"slices"

	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/paperfigures"
	"crossing/notebooks/analysis/runs"
)

// file is the one that the charts show, as near as the site has the paper's.
const file = "100"

// p99 beside the paper's three quantities.
var p99 = paperfigures.Latency("p99-latency", "99th percentile of the latency", "p99 of the latency (µs)", runs.P99)

// A chart is what report.js draws: every quantity of a dataset's closed loops
// against the connections.
type chart struct {
	ID          string     `json:"id"`
	Title       string     `json:"title"`
	Notes       []string   `json:"notes"`
	Tiers       []tier     `json:"tiers"`
	Connections []int      `json:"connections"`
	Quantities  []quantity `json:"quantities"`
}

type tier struct {
	Name   string    `json:"name"`
	Colour string    `json:"colour"`
	Dashes []float64 `json:"dashes"` // lengths in px of line and gap; none: solid
}

// A quantity has for each number of connections and each tier low bound, value
// and high bound; without an interval all are the value, without runs null.
type quantity struct {
	Name   string          `json:"name"`
	Axis   string          `json:"axis"`
	Values [][]*[3]float64 `json:"values"`
	Runs   [][]int         `json:"runs"`
}

// newChart is nil where the dataset has fewer than two loads: a line needs them.
func newChart(s *runs.Set) *chart {
	c := chart{ID: s.Meta.Name, Title: s.Meta.ID() + ": " + s.Meta.Title, Notes: append(s.Notes()[1:], s.Left()...)}
	used := map[string]int{}
	for _, t := range s.Tiers() {
		if len(s.Closed(t.Name, file)) < 2 {
			continue
		}
		for n := range s.Closed(t.Name, file) {
			if !slices.Contains(c.Connections, n) {
				c.Connections = append(c.Connections, n)
			}
		}
		clr := figure.Colour(t.Boundary)
		c.Tiers = append(c.Tiers, tier{t.Name, fmt.Sprintf("#%02x%02x%02x", clr.R, clr.G, clr.B), figure.Dashes(used[t.Boundary])})
		used[t.Boundary]++
	}
	if len(c.Tiers) == 0 {
		return nil
	}
	slices.Sort(c.Connections)
	for _, q := range []paperfigures.Quantity{paperfigures.Mean, paperfigures.P90, p99, paperfigures.Throughput} {
		of := quantity{Name: q.Title, Axis: q.Axis, Values: make([][]*[3]float64, len(c.Connections)), Runs: make([][]int, len(c.Connections))}
		for i := range c.Connections {
			of.Values[i], of.Runs[i] = make([]*[3]float64, len(c.Tiers)), make([]int, len(c.Tiers))
		}
		for _, cell := range paperfigures.Cells(s, q, file) {
			x := slices.Index(c.Connections, cell.Connections)
			t := slices.IndexFunc(c.Tiers, func(t tier) bool { return t.Name == cell.Tier.Name })
			if x < 0 || t < 0 || !(cell.Estimate > 0) {
				continue
			}
			v := [3]float64{cell.Estimate, cell.Estimate, cell.Estimate}
			if cell.Err == nil {
				v[0], v[2] = cell.Lo, cell.Hi
			}
			of.Values[x][t], of.Runs[x][t] = &v, cell.N
		}
		c.Quantities = append(c.Quantities, of)
	}
	return &c
}
