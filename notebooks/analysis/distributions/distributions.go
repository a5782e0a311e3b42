// SPDX-License-Identifier: Apache-2.0

// Package distributions shows the whole distribution of latencies: its tail on
// logarithmic axes, and its percentiles as HDR histograms draw them.
package distributions

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

// Tails are the shares of requests that may be slower, for the figures: a half,
// and then to one in ten thousand.
var Tails = []float64{.5, .2, .1, .05, .02, .01, .005, .002, .001, .0005, .0002, .0001}

// Fewest is the number of requests that a run has at least, to have a
// distribution.
const Fewest = 100

// A Curve is a tier's quantiles at one load.
type Curve struct {
	Tier   runs.Tier
	Runs   int
	Points []Point
	Short  int     // runs with fewer than Fewest requests: not in it
	Design float64 // design effect of the mean: how many times its variance is that of independent requests
	Err    error   // why there is none
}

// A Point is the latency in µs that a share of a run's requests exceeds: the
// arithmetic mean over runs, with its interval; NaN bounds where one run gives
// none.
type Point struct{ Tail, Value, Lo, Hi float64 }

// Curves computes every tier's latency distribution in the closed loops on a
// file at a number of connections. Each run's quantiles are averaged over runs
// (quantile averaging; Ratcliff, Psychological Bulletin 86(3), 1979), with
// Student's interval, as far out as each run bounds its own;
// runs of fewer than Fewest requests are left out. Of all runs' requests together a high quantile is that of the few
// worst runs, and no interval from a handful of runs covers it.
func Curves(s *runs.Set, file string, connections int) ([]Curve, error) {
	var curves []Curve
	for _, t := range s.Tiers() {
		c := Curve{Tier: t}
		var values [][]float64
		shortest := math.MaxInt
		of := make([][]float64, len(Tails)) // [tail][run] µs
		cells := s.Closed(t.Name, file)[connections]
		for i := range cells {
			x, err := s.Latencies(&cells[i], dataset.Response, nil)
			if err != nil {
				return nil, err
			}
			if len(x) < Fewest {
				c.Short++
				continue
			}
			shortest = min(shortest, len(x))
			v := make([]float64, len(x))
			for j, ns := range x {
				v[j] = float64(ns)
			}
			values = append(values, v)
			ranks := make([]int, len(Tails))
			for k, tail := range Tails {
				ranks[k] = stats.Rank(len(x), 1-tail)
			}
			for k, ns := range stats.Select(x, ranks) {
				of[k] = append(of[k], float64(ns)/1e3)
			}
		}
		c.Runs = len(values)
		if c.Runs == 0 {
			c.Err = fmt.Errorf("no run with %d requests at %d connections", Fewest, connections)
			curves = append(curves, c)
			continue
		}
		c.Design = stats.DesignEffect(values)
		for k, tail := range Tails {
			if _, _, err := stats.QuantileBounds(shortest, 1-tail, stats.Level); err != nil {
				break
			}
			in, err := stats.PositiveMean(of[k], stats.Level)
			if err != nil && !errors.Is(err, stats.ErrTooFew) {
				return nil, err
			}
			c.Points = append(c.Points, Point{tail, in.Estimate, in.Lo, in.Hi})
		}
		curves = append(curves, c)
	}
	return curves, nil
}

func notes(s *runs.Set, curves []Curve, intervals string) []string {
	all := append([]string{fmt.Sprintf("Dataset %s; means of the runs' quantiles, %s.", s.Meta.ID(), intervals)}, s.Notes()[1:]...)
	for _, c := range curves {
		if c.Err != nil {
			all = append(all, c.Tier.Name+": "+c.Err.Error())
		}
		if c.Short > 0 && c.Err == nil {
			all = append(all, fmt.Sprintf("%s: %d of %d runs left out, with fewer than %d requests", c.Tier.Name, c.Short, c.Short+c.Runs, Fewest))
		}
	}
	return all
}

// CCDF draws which share of the requests takes longer, against the latency, on
// logarithmic axes. Intervals are along the latency, and are in HDR's figure.
func CCDF(s *runs.Set, curves []Curve, connections int) *figure.Figure {
	l := figure.Lines{Title: title("Share of slower requests", connections), X: "Latency (µs)", Y: "Share of requests that take longer", LogX: true, LogY: true,
		Notes: notes(s, curves, "intervals are in the figure by percentile"), Width: figure.PageWidth, Height: 9 * vg.Centimeter, Bare: true, Continuous: true}
	for _, c := range curves {
		line := figure.Series{Name: c.Tier.Name, Boundary: c.Tier.Boundary}
		for _, p := range c.Points {
			line.Points = append(line.Points, figure.Point{X: p.Value, Y: p.Tail, Lo: math.NaN(), Hi: math.NaN()})
		}
		l.Series = append(l.Series, line)
	}
	return l.Draw()
}

// HDR draws the latency against the percentile, the axis growing by as much for
// each further nine, as HdrHistogram's plots do.
func HDR(s *runs.Set, curves []Curve, connections int) *figure.Figure {
	l := figure.Lines{Title: title("Latency by percentile", connections), X: "One request in … is slower (2: median, 100: p99)", Y: "Latency (µs)", LogX: true, LogY: true,
		Notes: notes(s, curves, "bars 95 % intervals over runs"), Width: figure.PageWidth, Height: 10.5 * vg.Centimeter, Bars: true}
	for _, c := range curves {
		line := figure.Series{Name: c.Tier.Name, Boundary: c.Tier.Boundary}
		for _, p := range c.Points {
			line.Points = append(line.Points, figure.Point{X: math.Round(1 / p.Tail), Y: p.Value, Lo: p.Lo, Hi: p.Hi})
		}
		l.Series = append(l.Series, line)
	}
	return l.Draw()
}

func title(what string, connections int) string {
	if connections == 1 {
		return what + ", 1 connection"
	}
	return fmt.Sprintf("%s, %d connections", what, connections)
}

// Table is the usual percentiles as rows under a header.
func Table(curves []Curve) (header []string, rows [][]string) {
	header = []string{"tier", "runs", "p50 (µs)", "p90", "p99", "p99.9", "design effect"}
	for _, c := range curves {
		row := []string{c.Tier.Name, fmt.Sprint(c.Runs)}
		if c.Err != nil {
			rows = append(rows, append(row, c.Err.Error(), "", "", "", ""))
			continue
		}
		for _, tail := range []float64{.5, .1, .01, .001} {
			text := "too few requests"
			for _, p := range c.Points {
				if p.Tail == tail {
					text = stats.Interval{Estimate: p.Value, Lo: p.Lo, Hi: p.Hi, N: c.Runs}.String()
				}
			}
			row = append(row, text)
		}
		design := "none of one run"
		if c.Runs > 1 {
			design = stats.Number(c.Design, 3)
		}
		rows = append(rows, append(row, design))
	}
	return header, rows
}
