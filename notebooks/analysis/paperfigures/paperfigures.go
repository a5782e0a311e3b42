// SPDX-License-Identifier: Apache-2.0

// Package paperfigures makes the paper's three figures, in its form: mean latency,
// 90th percentile of the latency, and throughput, each against the number of
// connections.
package paperfigures

import (
	"errors"
	"fmt"

	"gonum.org/v1/plot/vg"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// A Quantity is what one figure shows of a run.
type Quantity struct {
	Name  string // of the figure's file
	Title string
	Axis  string
	Of    func(*dataset.Run) float64 // in the axis's unit
}

// The paper's three quantities.
var (
	Mean       = Quantity{"mean-latency", "Mean latency", "Mean latency (µs)", func(r *dataset.Run) float64 { return r.MeanNs / 1e3 }}
	P90        = Quantity{"p90-latency", "90th percentile of the latency", "p90 of the latency (µs)", func(r *dataset.Run) float64 { return float64(r.P90Ns) / 1e3 }}
	Throughput = Quantity{"throughput", "Throughput", "Requests per second", func(r *dataset.Run) float64 { return r.Throughput }}
)

// Cell is a quantity's value for a tier at a load, over runs.
type Cell struct {
	Tier        runs.Tier
	Connections int
	stats.Interval
	Err error // why there is no interval
}

// Cells computes the quantity for every tier and load of the set, on one file.
func Cells(s *runs.Set, q Quantity, file string) []Cell {
	var cells []Cell
	for _, t := range s.Tiers() {
		closed := s.Closed(t.Name, file)
		for _, n := range s.Connections() {
			values := make([]float64, 0, len(closed[n]))
			for i := range closed[n] {
				values = append(values, q.Of(&closed[n][i]))
			}
			in, err := stats.GeometricMean(values, stats.Level)
			cells = append(cells, Cell{t, n, in, err})
		}
	}
	return cells
}

// Figure draws the quantity for every tier, on one file.
func Figure(s *runs.Set, q Quantity, file string) *figure.Figure {
	l := figure.Lines{
		Title: q.Title + ", file of " + file + " bytes", X: "Connections", Y: q.Axis,
		LogX: true, LogY: true, Notes: s.Notes(), Height: 8.2 * vg.Centimeter,
	}
	l.Notes = append(l.Notes, s.Left()...)
	if marked, of := s.Marked("client-bound"); marked > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("In %d of %d runs the client could not have gone twice as fast: these tiers may be faster than shown.", marked, of))
	}
	var series *figure.Series
	for _, c := range Cells(s, q, file) {
		if series == nil || series.Name != c.Tier.Name {
			l.Series = append(l.Series, figure.Series{Name: c.Tier.Name, Boundary: c.Tier.Boundary})
			series = &l.Series[len(l.Series)-1]
		}
		series.Points = append(series.Points, figure.Point{X: float64(c.Connections), Y: c.Estimate, Lo: c.Lo, Hi: c.Hi})
	}
	return l.Draw()
}

// Table is the quantity for every tier and load, with its interval, as rows
// under a header.
func Table(s *runs.Set, q Quantity, file string) (header []string, rows [][]string) {
	header = []string{"tier", "boundary"}
	for _, n := range s.Connections() {
		header = append(header, fmt.Sprintf("c=%d", n))
	}
	var row []string
	for _, c := range Cells(s, q, file) {
		if row == nil || row[0] != c.Tier.Name {
			if row != nil {
				rows = append(rows, row)
			}
			row = []string{c.Tier.Name, c.Tier.Boundary}
		}
		switch {
		case c.Err == nil, errors.Is(c.Err, stats.ErrTooFew) && c.N == 1:
			row = append(row, c.Interval.String())
		case c.N == 0:
			row = append(row, "not measured")
		default:
			row = append(row, c.Err.Error())
		}
	}
	if row != nil {
		rows = append(rows, row)
	}
	return header, rows
}
