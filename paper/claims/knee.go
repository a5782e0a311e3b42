// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"errors"
	"math"

	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/analysis/saturation"
)

// errClientBound reports that a knee may be the client's.
var errClientBound = errors.New("the client's ceiling is less than twice the rate, so that the knee may be its own")

// atKnee asks whether a tier's saturation point N* lies within the margin of the
// claim's value: from value/(1+margin) to value·(1+margin). It is supported where
// the whole interval lies there and contradicted where none of it does. What
// other methods find is shown and does not count.
func atKnee(c *Claim, s *runs.Set, f *Finding) {
	lo, hi := c.Value/(1+c.Margin), c.Value*(1+c.Margin)
	f.Verdict = Inconclusive
	for _, t := range saturation.Find(s, file) {
		if t.Name != c.Tiers[0] {
			continue
		}
		for _, k := range t.Knees {
			if k.Err != nil {
				f.Warnings = append(f.Warnings, errors.Join(errors.New(k.Method), k.Err))
				continue
			}
			e := Estimate{Of: k.Method, Unit: "connections", P: math.NaN(), Adjusted: math.NaN()}
			e.Estimate, e.Lo, e.Hi, e.N = k.Estimate, k.Lo, k.Hi, t.Blocks
			f.Estimates = append(f.Estimates, e)
		}
		n := t.Saturation()
		switch {
		case n.Err != nil || math.IsNaN(n.Lo):
		case t.ClientBound:
			f.Warnings = append(f.Warnings, errClientBound)
		case lo <= n.Lo && n.Hi <= hi:
			f.Verdict = Supported
		case n.Hi < lo || n.Lo > hi:
			f.Verdict = Contradicted
		}
		return
	}
	f.Verdict = NotTested
}
