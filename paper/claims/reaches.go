// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"fmt"
	"math"

	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// reaches asks whether the greatest of the loads' means of a quantity is at
// least the claim's value. The means are arithmetic, over runs, with intervals at
// a level that is divided by the number of loads (Bonferroni), so that the
// greatest lower bound and the greatest upper bound are an interval of the
// maximum, wherever it lies. Where the runs of a load do not bound the quantity,
// the maximum may be there, and the claim cannot be contradicted.
func reaches(c *Claim, s *runs.Set, f *Finding) {
	level := 1 - stats.Alpha/float64(len(c.Loads))
	top := stats.Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Level: stats.Level}
	open := false // the maximum may be at a load without a value
	few := false  // of which one has too few runs
	for _, load := range c.Loads {
		of := fmt.Sprintf("%s %s", c.Quantity, c.Tiers[0])
		values, err := runs.Values(s.Closed(c.Tiers[0], file)[load], quantities[c.Quantity])
		if err != nil {
			f.skip(of, load, err)
			open = true
			continue
		}
		in, err := stats.PositiveMean(values, level)
		if err != nil {
			f.skip(of, load, err)
			open, few = true, true
			continue
		}
		f.Estimates = append(f.Estimates, Estimate{Of: of, Connections: load, Interval: in, P: math.NaN(), Adjusted: math.NaN()})
		if !(top.Estimate >= in.Estimate) {
			top.Estimate, top.N = in.Estimate, in.N
		}
		if !(top.Lo >= in.Lo) {
			top.Lo = in.Lo
		}
		if !(top.Hi >= in.Hi) {
			top.Hi = in.Hi
		}
	}
	if len(f.Estimates) == 0 {
		if f.Verdict = NotTested; few {
			f.Verdict = Inconclusive
		}
		return
	}
	f.Estimates = append(f.Estimates, Estimate{Of: "greatest " + c.Quantity, Interval: top, P: math.NaN(), Adjusted: math.NaN()})
	switch {
	case top.Lo >= c.Value:
		f.Verdict = Supported
	case top.Hi < c.Value && !open:
		f.Verdict = Contradicted
	default:
		f.Verdict = Inconclusive
	}
}
