// SPDX-License-Identifier: Apache-2.0

// Package paperfigures makes the paper's three figures, in its form: mean latency,
// 90th percentile of the latency, and throughput, each against the number of
// connections.
package paperfigures

import (
	"errors"
	"fmt"
	"math"

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
	Of    runs.Quantity // of one run, in the dataset's unit
	// Over is the estimate over runs, in the axis's unit.
	Over func([]dataset.Run) (stats.Interval, error)
}

// The paper's three quantities.
var (
	Mean       = Latency("mean-latency", "Mean latency", "Mean latency (µs)", runs.Mean)
	P90        = Latency("p90-latency", "90th percentile of the latency", "p90 of the latency (µs)", runs.P90)
	Throughput = Quantity{"throughput", "Throughput", "Requests per second", runs.Rate, rate}
)

// Latency is a quantity in ns of each run, whose arithmetic mean over runs is
// shown in µs.
func Latency(name, title, axis string, of runs.Quantity) Quantity {
	return Quantity{name, title, axis, of, func(all []dataset.Run) (stats.Interval, error) {
		values, err := runs.Values(all, of)
		if err != nil {
			return stats.Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), N: len(all)}, err
		}
		for i := range values {
			values[i] /= 1e3
		}
		return stats.PositiveMean(values, stats.Level)
	}}
}

// rate is all runs' requests over all runs' time.
func rate(all []dataset.Run) (stats.Interval, error) {
	requests, seconds := make([]float64, len(all)), make([]float64, len(all))
	for i := range all {
		seconds[i] = float64(all[i].ElapsedNs) / 1e9
		requests[i] = all[i].Throughput * seconds[i]
	}
	return stats.RatioOfTotals(requests, seconds, stats.Level)
}

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
			in, err := q.Over(closed[n])
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
		l.Notes = append(l.Notes, fmt.Sprintf("In %d of %d runs the client's ceiling was less than %d times the rate: these tiers may be faster than shown.", marked, of, runs.Headroom))
	}
	var series *figure.Series
	for _, c := range Cells(s, q, file) {
		if series == nil || series.Name != c.Tier.Name {
			l.Series = append(l.Series, figure.Series{Name: c.Tier.Name, Boundary: c.Tier.Boundary})
			series = &l.Series[len(l.Series)-1]
		}
		if errors.Is(c.Err, stats.ErrNoBound) {
			l.Notes = append(l.Notes, fmt.Sprintf("%s at %d: a run has too few requests for this quantile.", c.Tier.Name, c.Connections))
			continue
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
