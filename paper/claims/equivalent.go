// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// equivalent shows by two one-sided tests, at each load, that the ratio of two
// tiers lies within the margin. It contradicts where the whole interval lies
// beyond the margin, at a level divided by the number of loads.
func equivalent(c *Claim, s *runs.Set, f *Finding) {
	level := 1 - stats.Alpha/float64(len(c.Loads))
	for _, load := range c.Loads {
		of := fmt.Sprintf("%s %s/%s", c.Quantity, c.Tiers[0], c.Tiers[1])
		logs, err := pair(s, c.Tiers[0], c.Tiers[1], load, c.Quantity)
		var r stats.Ratio
		p := math.NaN()
		if err == nil {
			r, err = logs.Ratio(level)
		}
		if err == nil {
			p, err = logs.Equivalent(c.Margin)
		}
		if err != nil {
			f.skip(of, load, err)
			verdict := LoadVerdict{load, Inconclusive, math.Inf(1)}
			if errors.Is(err, stats.ErrNoBound) {
				verdict = LoadVerdict{load, NotTested, 0}
			}
			f.AtLoads = append(f.AtLoads, verdict)
			continue
		}
		f.Estimates = append(f.Estimates, Estimate{Of: of, Connections: load, Interval: r.Interval, Covers: r.Exact, P: p, Adjusted: math.NaN()})
		switch {
		case p <= stats.Alpha:
			f.AtLoads = append(f.AtLoads, LoadVerdict{load, Supported, 0})
		case r.Exact >= level && (r.Lo > 1+c.Margin || r.Hi < 1/(1+c.Margin)):
			f.AtLoads = append(f.AtLoads, LoadVerdict{load, Contradicted, 0})
		default:
			f.AtLoads = append(f.AtLoads, LoadVerdict{load, Inconclusive, (1 + c.Margin) * stats.Detectable(logs.Logs())})
		}
	}
	f.judge()
	if e, ok := trend(c, s); ok {
		f.Estimates = append(f.Estimates, e)
	}
}

// trend shows whether the ratio of the claim's tiers nears 1 as connections
// grow: Kendall's tau, within blocks, between connections and the ratio's
// distance from 1, over all loads that both have. It is below 0 where it does.
func trend(c *Claim, s *runs.Set) (e Estimate, ok bool) {
	all := *c
	all.Loads = nil
	all.Loads = common(s, &all)
	if len(all.Loads) < 3 {
		return e, false
	}
	loads, distance := map[int32][]float64{}, map[int32][]float64{}
	for _, load := range all.Loads {
		logs, err := pair(s, c.Tiers[0], c.Tiers[1], load, c.Quantity)
		if err != nil {
			return e, false
		}
		for block, v := range logs {
			loads[block], distance[block] = append(loads[block], float64(load)), append(distance[block], math.Abs(v))
		}
	}
	var taus []float64
	for _, block := range slices.Sorted(maps.Keys(loads)) {
		if tau, err := stats.Kendall(loads[block], distance[block]); err == nil && len(loads[block]) == len(all.Loads) {
			taus = append(taus, tau)
		}
	}
	if len(taus) < 2 {
		return e, false
	}
	// The bounds are means of two blocks' values, so that they stay within ±1.
	in, exact := stats.HodgesLehmann(taus, stats.Level)
	return Estimate{Of: "Kendall's tau of connections and the ratio's distance from 1", Interval: in, Covers: exact, P: math.NaN(), Adjusted: math.NaN()}, true
}
