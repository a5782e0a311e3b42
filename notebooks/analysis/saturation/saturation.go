// SPDX-License-Identifier: Apache-2.0

// Package saturation applies the knee methods to a dataset.
package saturation

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"

	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// Resamples is the number of resamples of the bootstrap over blocks.
const Resamples = 400

// plan of the bootstrap over blocks: the same intervals each time.
var plan = stats.Resampling{Draws: Resamples, Seed: 1, Level: stats.Level}

// A Tier is a server's knees.
type Tier struct {
	runs.Tier
	Knees       []stats.Knee // by method, in the order of stats.KneeMethods
	ClientBound bool         // the knee may be the client's and not the server's
	Blocks      int          // in which every load of the tier has a run: those used
	Of          int          // blocks in which any has
}

// Saturation is the saturation point N*, the study's estimand; the other methods
// are shown beside it.
func (t *Tier) Saturation() stats.Knee { return t.Knees[0] }

// Find finds the knees of every tier of the set, on one file.
func Find(s *runs.Set, file string) []Tier {
	var tiers []Tier
	for _, t := range s.Tiers() {
		closed := s.Closed(t.Name, file)
		var n []float64
		loads := map[int32]int{} // how many the block has
		clientBound := 0
		for _, c := range s.Connections() {
			if len(closed[c]) == 0 {
				continue
			}
			n = append(n, float64(c))
			for _, r := range closed[c] {
				loads[r.Block]++
				if r.NullRate > 0 && r.NullRate < runs.Headroom*r.Throughput {
					clientBound++
				}
			}
		}
		var rates [][]float64
		for _, c := range n {
			var at []float64
			for _, r := range closed[int(c)] {
				if loads[r.Block] == len(n) {
					at = append(at, r.Throughput)
				}
			}
			rates = append(rates, at)
		}
		f := Tier{Tier: t, Knees: stats.BootstrapKnees(n, rates, plan), Of: len(loads)}
		if len(rates) > 0 {
			f.Blocks = len(rates[0])
		}
		f.ClientBound = clientBound > 0
		tiers = append(tiers, f)
	}
	return tiers
}

// Table is the knees as rows under a header.
func Table(tiers []Tier) (header []string, rows [][]string) {
	header = []string{"tier"}
	for _, m := range stats.KneeMethods {
		header = append(header, m.Name)
	}
	header = append(header, "caution")
	for _, t := range tiers {
		row := []string{t.Name}
		for _, k := range t.Knees {
			switch {
			case k.Err != nil:
				row = append(row, k.Err.Error())
			case math.IsNaN(k.Lo):
				row = append(row, fmt.Sprintf("%.3g (one run)", k.Estimate))
			case k.Found < .995: // less would round to all of them
				row = append(row, fmt.Sprintf("%.3g [%.3g, %.3g], in %.0f %% of the resamples", k.Estimate, k.Lo, k.Hi, 100*k.Found))
			default:
				row = append(row, fmt.Sprintf("%.3g [%.3g, %.3g]", k.Estimate, k.Lo, k.Hi))
			}
		}
		var caution []string
		if t.ClientBound {
			caution = append(caution, "client-bound")
		}
		if t.Blocks < t.Of {
			caution = append(caution, fmt.Sprintf("%d of %d blocks lack a load and are excluded", t.Of-t.Blocks, t.Of))
		}
		rows = append(rows, append(row, strings.Join(caution, "; ")))
	}
	return header, rows
}

// Figure draws throughput against connections, on logarithmic axes, where a
// knee is a bend.
func Figure(s *runs.Set, file string) *figure.Figure {
	l := figure.Lines{Title: "Saturation: throughput against connections", X: "Connections", Y: "Rate / rate at one connection", LogX: true, LogY: true,
		Notes: append(s.Notes(), "Geometric means of the rates' ratios to that with one connection in the same block."), Width: figure.PageWidth, Height: 10.5 * vg.Centimeter, Bars: true}
	for _, t := range s.Tiers() {
		closed := s.Closed(t.Name, file)
		one := map[int32]float64{} // by block
		for _, r := range closed[1] {
			one[r.Block] = r.Throughput
		}
		series := figure.Series{Name: t.Name, Boundary: t.Boundary}
		for _, c := range s.Connections() {
			var ratios []float64
			for _, r := range closed[c] {
				if one[r.Block] > 0 {
					ratios = append(ratios, r.Throughput/one[r.Block])
				}
			}
			if len(ratios) > 0 && c > 1 {
				in, _ := stats.GeometricMean(ratios, plan.Level) // without a value the notes name it
				series.Points = append(series.Points, figure.Point{X: float64(c), Y: in.Estimate, Lo: in.Lo, Hi: in.Hi})
			}
		}
		l.Series = append(l.Series, series)
	}
	return l.Draw()
}
