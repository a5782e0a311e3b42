// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// A comparison is one ratio that is below 1 by a claim.
type comparison struct {
	of   string
	load int
	logs stats.Blocks
	err  error // why there is none

	stats.Ratio
	adjusted float64
}

// compare estimates every comparison and adjusts their p for their number.
func compare(all []comparison) {
	var family []stats.Blocks
	for i := range all {
		c := &all[i]
		if c.err == nil {
			c.Ratio, c.err = c.logs.Ratio(stats.Level)
		}
		if c.err == nil {
			family = append(family, c.logs)
		}
	}
	adjusted := stats.MaxTByBlock(family)
	for i := range all {
		if c := &all[i]; c.err == nil {
			c.adjusted, adjusted = adjusted[0], adjusted[1:]
		}
	}
}

func (c *comparison) estimate() Estimate {
	return Estimate{Of: c.of, Connections: c.load, Interval: c.Interval, Covers: c.Exact, P: c.P, Adjusted: c.adjusted}
}

// below judges each load by the comparisons there, and with them the claim.
//
// A load supports the claim where each comparison by itself is significantly
// below 1: a conjunction that is claimed when each of its parts is shown at a
// level is wrong no more often than that level (the intersection-union test;
// Berger 1982, Technometrics 24, 295-300). It contradicts where one is
// significantly above 1; that one is the best of all comparisons of the claim,
// so its p is adjusted for their number (stats.MaxT).
func below(all []comparison, f *Finding) {
	compare(all)
	var loads []int
	for _, c := range all {
		if !slices.Contains(loads, c.load) {
			loads = append(loads, c.load)
		}
	}
	slices.Sort(loads)
	for _, load := range loads {
		verdict := LoadVerdict{Connections: load, Verdict: Supported}
		for i := range all {
			c := &all[i]
			if c.load != load {
				continue
			}
			switch {
			case errors.Is(c.err, stats.ErrNoBound), errors.Is(c.err, stats.ErrNotPositive):
				verdict.Verdict = NotTested
			case verdict.Verdict == NotTested || verdict.Verdict == Contradicted:
			case c.err != nil:
				verdict.Verdict, verdict.Detectable = Inconclusive, math.Inf(1)
			case c.adjusted <= stats.Alpha && c.Estimate > 1:
				verdict.Verdict, verdict.Detectable = Contradicted, 0
			case c.P > stats.Alpha || c.Estimate >= 1:
				verdict.Verdict, verdict.Detectable = Inconclusive, max(verdict.Detectable, stats.Detectable(c.logs.Logs()))
			}
		}
		f.AtLoads = append(f.AtLoads, verdict)
	}
	for i := range all {
		if c := &all[i]; c.err != nil {
			f.skip(c.of, c.load, c.err)
		} else {
			f.Estimates = append(f.Estimates, c.estimate())
		}
	}
	f.judge()
}

// ordering compares each tier with the next worse at every load.
func ordering(c *Claim, s *runs.Set, f *Finding) {
	var all []comparison
	for i := range len(c.Tiers) - 1 {
		a, b := c.Tiers[i], c.Tiers[i+1]
		for _, load := range c.Loads {
			one := comparison{of: fmt.Sprintf("%s %s/%s", c.Quantity, a, b), load: load}
			one.logs, one.err = pair(s, a, b, load, c.Quantity)
			all = append(all, one)
		}
	}
	below(all, f)
}

// largerStep asks whether the first of two steps, from the first tier to the
// second, divides the quantity by more than the second step, to the third.
func largerStep(c *Claim, s *runs.Set, f *Finding) {
	var all []comparison
	for _, load := range c.Loads {
		one := comparison{of: "the first step over the second", load: load}
		var steps [2]stats.Blocks
		for i := range steps {
			if steps[i], one.err = pair(s, c.Tiers[i+1], c.Tiers[i], load, c.Quantity); one.err != nil {
				break
			}
			if r, err := steps[i].Ratio(stats.Level); err == nil {
				f.Estimates = append(f.Estimates, Estimate{Of: fmt.Sprintf("%s %s/%s", c.Quantity, c.Tiers[i+1], c.Tiers[i]), Connections: load, Interval: r.Interval, Covers: r.Exact, P: r.P, Adjusted: math.NaN()})
			}
		}
		if one.err == nil {
			one.logs = stats.Blocks{}
			for block, first := range steps[0] {
				if second, ok := steps[1][block]; ok {
					one.logs[block] = first - second
				}
			}
		}
		all = append(all, one)
	}
	below(all, f)
}
