// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// sameOrder asks, at each load, whether two quantities put the tiers into the
// same order. A load supports that where for every pair of tiers both
// quantities differ significantly, each by itself, in the same direction (an
// intersection-union test, as in below). It contradicts where for one pair they
// differ in opposite directions, both significantly after adjustment for the
// number of all these comparisons. Tiers that are equal by one quantity have no
// order there, so that the load is inconclusive.
func sameOrder(c *Claim, s *runs.Set, f *Finding) {
	var all []comparison // two in a row, by one quantity and by the other
	for _, load := range c.Loads {
		for i := range c.Tiers {
			for j := range i {
				for _, q := range []string{c.Quantity, c.Other} {
					one := comparison{of: fmt.Sprintf("%s %s/%s", q, c.Tiers[j], c.Tiers[i]), load: load}
					one.logs, one.err = pair(s, c.Tiers[j], c.Tiers[i], load, q)
					all = append(all, one)
				}
			}
		}
	}
	compare(all)
	for _, load := range c.Loads {
		verdict := LoadVerdict{Connections: load, Verdict: Supported}
		for i := 0; i < len(all); i += 2 {
			a, b := &all[i], &all[i+1]
			if a.load != load {
				continue
			}
			err := errors.Join(a.err, b.err)
			switch {
			case errors.Is(err, stats.ErrNoBound), errors.Is(err, stats.ErrNotPositive):
				verdict.Verdict = NotTested
				f.skip("the order", load, cmp.Or(a.err, b.err))
			case verdict.Verdict == NotTested || verdict.Verdict == Contradicted:
			case err != nil:
				verdict.Verdict, verdict.Detectable = Inconclusive, math.Inf(1)
				f.skip("the order", load, cmp.Or(a.err, b.err))
			case (a.Estimate-1)*(b.Estimate-1) < 0 && max(a.adjusted, b.adjusted) <= stats.Alpha:
				verdict.Verdict, verdict.Detectable = Contradicted, 0
				f.Estimates = append(f.Estimates, a.estimate(), b.estimate())
			case (a.Estimate-1)*(b.Estimate-1) <= 0 || max(a.P, b.P) > stats.Alpha:
				verdict.Verdict = Inconclusive
				verdict.Detectable = max(verdict.Detectable, stats.Detectable(a.logs.Logs()), stats.Detectable(b.logs.Logs()))
			}
		}
		f.AtLoads = append(f.AtLoads, verdict)
		if e, ok := agreement(c, s, load); ok {
			f.Estimates = append(f.Estimates, e)
		}
	}
	f.judge()
}

// agreement is Kendall's tau between the tiers' values by both quantities at a
// load, over the blocks in which it is defined. It is shown, not judged.
func agreement(c *Claim, s *runs.Set, load int) (e Estimate, ok bool) {
	first, second := map[int32][]float64{}, map[int32][]float64{}
	for _, t := range c.Tiers {
		x, err := byBlock(s, t, load, c.Quantity)
		if err != nil {
			return e, false
		}
		y, err := byBlock(s, t, load, c.Other)
		if err != nil {
			return e, false
		}
		for block := range x {
			first[block], second[block] = append(first[block], x[block]), append(second[block], y[block])
		}
	}
	var taus []float64
	for _, block := range slices.Sorted(maps.Keys(first)) {
		if tau, err := stats.Kendall(first[block], second[block]); err == nil && len(first[block]) == len(c.Tiers) {
			taus = append(taus, tau)
		}
	}
	if len(taus) < 2 {
		return e, false
	}
	in, exact := stats.HodgesLehmann(taus, stats.Level)
	return Estimate{Of: fmt.Sprintf("Kendall's tau of %s and %s", c.Quantity, c.Other), Connections: load, Interval: in, Covers: exact, P: math.NaN(), Adjusted: math.NaN()}, true
}
