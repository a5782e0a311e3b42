// SPDX-License-Identifier: Apache-2.0

package mystery

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// Paper is up to how many times its mean the paper reports the kernel module's
// p99 to be.
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
				if v.Err != nil {
					e.Why = v.Err.Error()
				}
			}
		}
		f.Rows = append(f.Rows, e)
	}
	return f.Draw()
}

func notes(s *runs.Set) []string {
	return append([]string{fmt.Sprintf("Dataset %s; geometric means and 95 %% intervals over blocks.", s.Meta.ID())}, s.Notes()[1:]...)
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
		f.Rows = append(f.Rows, row(e.What+": p99", "user", e.P99), row(e.What+": p99 / mean", "kernel", e.Ratio))
	}
	f.Notes = append(f.Notes, fmt.Sprintf("Main effects of a fractional factorial of 16 variants in %s; blue: quantile regression over all requests; orange: least squares on p99/mean.", runs.Count(blocks, "block")))
	return f.Draw()
}

func row(name, boundary string, in stats.Interval) figure.Estimate {
	return figure.Estimate{Name: name, Boundary: boundary, Value: in.Estimate, Lo: in.Lo, Hi: in.Hi}
}

// EffectsTable is the main effects as rows under a header.
func EffectsTable(s *runs.Set, connections int) (header []string, rows [][]string) {
	header = []string{"the paper's choice", "multiplies the mean by", "p99 by", "p99 / mean by"}
	effects, _, err := Effects(s, connections)
	if err != nil {
		return header, [][]string{{err.Error(), "", "", ""}}
	}
	for _, e := range effects {
		rows = append(rows, []string{e.What, e.Mean.String(), e.P99.String(), e.Ratio.String()})
	}
	return header, rows
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
		rows = append(rows, []string{v.Label, name(v.Label), v.Mean.String(), v.P99.String(), v.Ratio.String(), v.Wrk.String(), fmt.Sprint(v.Rejected)})
	}
	return header, rows
}

// Answer says in sentences how large p99/mean is, what makes it so, and what of
// it is the load tool's arithmetic.
func Answer(s *runs.Set, loads ...int) string {
	if !has(s) {
		return "The question cannot be answered: " + ErrAbsent.Error() + "."
	}
	var all []string
	var most, printed *Variant
	at, printedAt := 0, 0
	highest := 0.0 // upper bound of p99/mean over all variants, measured or as printed
	for _, n := range loads {
		variants, err := Variants(s, n)
		if err != nil {
			return err.Error()
		}
		for i := range variants {
			v := &variants[i]
			if v.Err == nil {
				for _, bound := range []float64{v.Ratio.Estimate, v.Ratio.Hi, v.Wrk.Estimate, v.Wrk.Hi} {
					if bound > highest {
						highest = bound
					}
				}
			}
			if on, ok := Levels(v.Label); !ok || v.Err != nil || on&1 == 0 {
				continue
			}
			if most == nil || v.Ratio.Estimate > most.Ratio.Estimate {
				most, at = v, n
			}
			if printed == nil || v.Wrk.Estimate > printed.Wrk.Estimate {
				printed, printedAt = v, n
			}
		}
	}
	if most != nil {
		all = append(all, fmt.Sprintf("With a thread per connection the largest p99/mean is %s at %s (%s); as wrk would print it, %s at %s (%s).",
			most.Ratio, runs.Count(at, "connection"), name(most.Label), printed.Wrk, runs.Count(printedAt, "connection"), name(printed.Label)))
		if highest < Paper {
			all = append(all, fmt.Sprintf("No variant comes to the %d times that the paper reports: the highest upper bound is %.3g. These choices do not explain it.", Paper, highest))
		}
	}
	for _, n := range loads {
		effects, blocks, err := Effects(s, n)
		if err != nil {
			all = append(all, err.Error()+".")
			continue
		}
		best := slices.MaxFunc(effects, func(a, b Effect) int {
			return int(math.Copysign(1, a.Ratio.Estimate-b.Ratio.Estimate))
		})
		clear := "its interval excludes no effect"
		switch {
		case math.IsNaN(best.Ratio.Lo):
			clear = "one block has no interval"
		case best.Ratio.Lo <= 1:
			clear = "its interval includes no effect"
		}
		sentence := fmt.Sprintf("At %s p99/mean is raised most by: %s, ×%s over %s (%s).", runs.Count(n, "connection"), best.What, best.Ratio, runs.Count(blocks, "block"), clear)
		if shares, err := Shares(s, effects, n); err == nil {
			var parts []string
			for _, share := range shares {
				parts = append(parts, fmt.Sprintf("%s ×%.3g", share.What, math.Exp(share.Log)))
			}
			sentence += " Shapley's shares of the three largest: " + strings.Join(parts, ", ") + "."
		}
		all = append(all, sentence)
	}
	return strings.Join(all, " ")
}
