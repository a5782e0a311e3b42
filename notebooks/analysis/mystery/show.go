// SPDX-License-Identifier: Apache-2.0

package mystery

import (
	"errors"
	"fmt"

	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// Paper is the greatest ratio of the kernel module's p99 to its mean that the
// paper reports.
const Paper = 30

// Waterfall draws p99/mean as one cause after the other is removed.
func Waterfall(s *runs.Set, connections int) *figure.Figure {
	f := figure.Waterfall{Title: fmt.Sprintf("From the paper's kernel module to ours, %s", runs.Count(connections, "connection")), X: "p99 / mean", Notes: notes(s)}
	variants, err := Variants(s, connections)
	if err != nil {
		f.Notes = append(f.Notes, err.Error())
		return f.Draw()
	}
	for _, step := range steps {
		e := figure.Estimate{Name: step.what, Why: "not measured"}
		for _, v := range variants {
			if v.Label == step.label {
				e.Value, e.Lo, e.Hi, e.Why = v.Ratio.Estimate, v.Ratio.Lo, v.Ratio.Hi, ""
				if err := errors.Join(v.Err, v.TailErr); err != nil {
					e.Why = err.Error()
				}
			}
		}
		f.Rows = append(f.Rows, e)
	}
	return f.Draw()
}

func notes(s *runs.Set) []string {
	return append([]string{fmt.Sprintf("Dataset %s; means and 95 %% intervals over blocks, geometric for ratios.", s.Meta.ID())}, s.Notes()[1:]...)
}

// EffectsFigure draws the main effects on the 99th percentile and on p99/mean.
func EffectsFigure(s *runs.Set, connections int) *figure.Figure {
	f := figure.Forest{Title: fmt.Sprintf("What the paper's choices multiply, %s", runs.Count(connections, "connection")), X: "Factor on p99, and on p99 / mean", Notes: notes(s), Width: figure.PageWidth}
	effects, blocks, err := Effects(s, connections)
	if err != nil {
		f.Notes = append(f.Notes, err.Error())
		return f.Draw()
	}
	for _, e := range effects {
		f.Rows = append(f.Rows, row(e.What+": p99", "user", e.P99, e.TailErr), row(e.What+": p99 / mean", "kernel", e.Ratio, e.TailErr))
	}
	f.Notes = append(f.Notes, fmt.Sprintf("Main effects of a fractional factorial of 16 variants in %s; blue: quantile regression over all requests; orange: least squares on p99/mean.", runs.Count(blocks, "block")))
	return f.Draw()
}

func row(name, boundary string, in stats.Interval, err error) figure.Estimate {
	e := figure.Estimate{Name: name, Boundary: boundary, Value: in.Estimate, Lo: in.Lo, Hi: in.Hi}
	if err != nil {
		e.Why = err.Error()
	}
	return e
}

// EffectsTable is the main effects as rows under a header.
func EffectsTable(s *runs.Set, connections int) (header []string, rows [][]string) {
	header = []string{"the paper's choice", "multiplies the mean by", "p99 by", "p99 / mean by"}
	effects, _, err := Effects(s, connections)
	if err != nil {
		return header, [][]string{{err.Error(), "", "", ""}}
	}
	for _, e := range effects {
		rows = append(rows, []string{e.What, e.Mean.String(), orError(e.P99, e.TailErr), orError(e.Ratio, e.TailErr)})
	}
	return header, rows
}

// orError is the interval, or why there is none.
func orError(in stats.Interval, err error) string {
	if err != nil {
		return err.Error()
	}
	return in.String()
}

// Table is every variant at a number of connections as rows under a header.
func Table(s *runs.Set, connections int) (header []string, rows [][]string) {
	header = []string{"variant", "the paper's choices in it", "mean (µs)", "p99 (µs)", "p99 / mean", "as wrk prints it", "runs left out"}
	variants, err := Variants(s, connections)
	if err != nil {
		return header, [][]string{{err.Error(), "", "", "", "", "", ""}}
	}
	for _, v := range variants {
		if v.Err != nil {
			rows = append(rows, []string{v.Label, name(v.Label), v.Err.Error(), "", "", "", fmt.Sprint(v.Rejected)})
			continue
		}
		rows = append(rows, []string{v.Label, name(v.Label), v.Mean.String(), orError(v.P99, v.TailErr), orError(v.Ratio, v.TailErr), orError(v.Wrk, v.TailErr), fmt.Sprint(v.Rejected)})
	}
	return header, rows
}
