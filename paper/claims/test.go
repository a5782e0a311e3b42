// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/analysis/saturation"
	"crossing/notebooks/stats"
)

// alpha is the level of every test; intervals are at 1-alpha.
const alpha = stats.Alpha

// file is the one that the paper served, as near as the site has it.
const file = "100"

type test struct {
	tiers    int  // that it takes at least
	loads    int  // that it takes at least
	quantity bool // that it takes one
	run      func(*Claim, *runs.Set) (Verdict, string)
}

var tests map[string]test

func init() {
	tests = map[string]test{
		"ordering":    {2, 1, true, ordering},
		"below":       {2, 1, true, ordering},
		"equivalent":  {2, 1, true, equivalent},
		"same-order":  {2, 1, true, sameOrder},
		"reaches":     {1, 1, true, reaches},
		"knee":        {1, 4, false, atKnee},
		"larger-step": {3, 1, true, largerStep},
	}
}

func testNames() []string { return slices.Sorted(maps.Keys(tests)) }

// pair compares tier a with tier b at one load, within blocks.
func pair(s *runs.Set, a, b string, load int, quantity string) (stats.Ratio, error) {
	x, y := values(s, a, load, quantity), values(s, b, load, quantity)
	var p, q []float64
	for block, v := range x {
		if w, ok := y[block]; ok {
			p, q = append(p, v), append(q, w)
		}
	}
	return stats.Paired(p, q, 1-alpha)
}

func values(s *runs.Set, tier string, load int, quantity string) map[int32]float64 {
	all := map[int32]float64{}
	closed := s.Closed(tier, file)[load]
	for i := range closed {
		all[closed[i].Block] = quantities[quantity](&closed[i])
	}
	return all
}

// ordering compares each tier with the next worse at every load.
func ordering(c *Claim, s *runs.Set) (Verdict, string) {
	var p []float64
	var ratios []stats.Ratio
	for i := range len(c.Tiers) - 1 {
		for _, load := range c.Loads {
			r, err := pair(s, c.Tiers[i], c.Tiers[i+1], load, c.Quantity)
			if err != nil {
				return Inconclusive, fmt.Sprintf("%s and %s at %d: %v", c.Tiers[i], c.Tiers[i+1], load, err)
			}
			p, ratios = append(p, r.P), append(ratios, r)
		}
	}
	adjusted := stats.Holm(p)
	var words []string
	for i := range len(c.Tiers) - 1 {
		from, to := i*len(c.Loads), (i+1)*len(c.Loads)
		words = append(words, fmt.Sprintf("%s/%s %s", c.Tiers[i], c.Tiers[i+1], tell(c.Loads, ratios[from:to], adjusted[from:to])))
	}
	return judge(ratios), c.Quantity + " " + strings.Join(words, "; ")
}

// few is how many loads are listed one by one.
const few = 4

// tell lists the ratios by load where they are few, else the first and the last
// and how many lie where.
func tell(loads []int, ratios []stats.Ratio, adjusted []float64) string {
	var words []string
	each, lower, higher := 0, 0, 0
	for i, r := range ratios {
		if len(loads) <= few || i == 0 || i == len(loads)-1 {
			words = append(words, fmt.Sprintf("at %d %v", loads[i], r.Interval))
		}
		if below(r) {
			each++
		}
		switch {
		case adjusted[i] <= alpha && r.Estimate < 1:
			lower++
		case adjusted[i] <= alpha:
			higher++
		}
	}
	return fmt.Sprintf("%s (each by itself below 1 at %d of %d loads; after Holm below 1 at %d, above at %d)", strings.Join(words, ", "), each, len(loads), lower, higher)
}

// below says whether a comparison, taken by itself, is significantly below 1.
func below(r stats.Ratio) bool { return r.P <= alpha && r.Estimate < 1 }

// judge is supported where every comparison by itself is significantly below 1:
// a conjunction that is claimed when each of its parts is shown at a level is
// wrong no more often than that level (the intersection-union test; Berger 1982,
// Technometrics 24, 295-300). It is contradicted where one of the comparisons is
// significantly above 1; that one is the best of many, so Holm's adjustment is
// made.
func judge(ratios []stats.Ratio) Verdict {
	verdict := Supported
	p := make([]float64, len(ratios))
	for i, r := range ratios {
		p[i] = r.P
		if !below(r) {
			verdict = Inconclusive
		}
	}
	for i, adjusted := range stats.Holm(p) {
		if adjusted <= alpha && ratios[i].Estimate > 1 {
			return Contradicted
		}
	}
	return verdict
}

// largerStep asks whether the first of two steps, from the first tier to the
// second, divides the quantity by more than the second step, to the third, at
// every load.
func largerStep(c *Claim, s *runs.Set) (Verdict, string) {
	var ratios []stats.Ratio
	var words []string
	for _, load := range c.Loads {
		from, via, to := values(s, c.Tiers[0], load, c.Quantity), values(s, c.Tiers[1], load, c.Quantity), values(s, c.Tiers[2], load, c.Quantity)
		var first, second []float64
		for _, block := range slices.Sorted(maps.Keys(from)) {
			if v, w := via[block], to[block]; v > 0 && w > 0 {
				first, second = append(first, v/from[block]), append(second, w/v)
			}
		}
		r, err := stats.Paired(first, second, 1-alpha)
		if err != nil {
			return Inconclusive, fmt.Sprintf("at %d: %v", load, err)
		}
		ratios = append(ratios, r)
		line := fmt.Sprintf("at %d", load)
		for i := range 2 {
			step, err := pair(s, c.Tiers[i+1], c.Tiers[i], load, c.Quantity)
			if err != nil {
				return Inconclusive, fmt.Sprintf("at %d: %v", load, err)
			}
			line += fmt.Sprintf(" %s/%s %v,", c.Tiers[i+1], c.Tiers[i], step.Interval)
		}
		words = append(words, fmt.Sprintf("%s the first step over the second %v", line, r.Interval))
	}
	return judge(ratios), strings.Join(words, "; ")
}

// equivalent runs two one-sided tests at each load.
func equivalent(c *Claim, s *runs.Set) (Verdict, string) {
	var words []string
	verdict := Supported
	for _, load := range c.Loads {
		x, y := values(s, c.Tiers[0], load, c.Quantity), values(s, c.Tiers[1], load, c.Quantity)
		var p, q []float64
		for block, v := range x {
			if w, ok := y[block]; ok {
				p, q = append(p, v), append(q, w)
			}
		}
		r, err := stats.Paired(p, q, 1-alpha)
		if err != nil {
			return Inconclusive, fmt.Sprintf("at %d: %v", load, err)
		}
		pe, err := stats.Equivalent(p, q, c.Margin)
		if err != nil {
			return Inconclusive, fmt.Sprintf("at %d: %v", load, err)
		}
		words = append(words, fmt.Sprintf("%s/%s at %d: %v, equivalence p %.3g", c.Tiers[0], c.Tiers[1], load, r.Interval, pe))
		switch {
		case pe <= alpha:
		case r.Exact >= 1-alpha && (r.Lo > 1+c.Margin || r.Hi < 1/(1+c.Margin)):
			return Contradicted, strings.Join(words, "; ") + trend(c, s)
		default:
			verdict = Inconclusive
		}
	}
	return verdict, strings.Join(words, "; ") + trend(c, s)
}

// trend says whether the ratio of the claim's tiers nears 1 as connections
// grow: Kendall's tau, within blocks, between connections and the ratio's
// distance from 1, over all loads that both have.
func trend(c *Claim, s *runs.Set) string {
	all := *c
	all.Loads = nil
	all.Loads = common(s, &all)
	if len(all.Loads) < 3 {
		return ""
	}
	loads, distance := map[int32][]float64{}, map[int32][]float64{}
	for _, load := range all.Loads {
		y := values(s, c.Tiers[1], load, c.Quantity)
		for block, v := range values(s, c.Tiers[0], load, c.Quantity) {
			if w, ok := y[block]; ok {
				loads[block], distance[block] = append(loads[block], float64(load)), append(distance[block], math.Abs(math.Log(v/w)))
			}
		}
	}
	var taus []float64
	for _, block := range slices.Sorted(maps.Keys(loads)) {
		if len(loads[block]) == len(all.Loads) {
			taus = append(taus, stat.Kendall(loads[block], distance[block], nil))
		}
	}
	in, err := stats.Mean(taus, 1-alpha)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("; Kendall's tau of the ratio's distance from 1 with connections %v (below 0: it nears 1)", in)
}

// sameOrder is Kendall's tau between the tiers' order by one quantity and by
// another, one value for each block and load.
func sameOrder(c *Claim, s *runs.Set) (Verdict, string) {
	byBlock := map[int32][]float64{}
	for _, load := range c.Loads {
		first, second := map[int32][]float64{}, map[int32][]float64{}
		for _, t := range c.Tiers {
			other := values(s, t, load, c.Other)
			for block, v := range values(s, t, load, c.Quantity) {
				if w, ok := other[block]; ok {
					first[block], second[block] = append(first[block], v), append(second[block], w)
				}
			}
		}
		for block, x := range first {
			if len(x) == len(c.Tiers) {
				byBlock[block] = append(byBlock[block], stat.Kendall(x, second[block], nil))
			}
		}
	}
	var taus []float64
	for _, t := range byBlock {
		taus = append(taus, stat.Mean(t, nil))
	}
	slices.Sort(taus)
	in, err := stats.Mean(taus, 1-alpha)
	if err != nil {
		return Inconclusive, err.Error()
	}
	words := fmt.Sprintf("Kendall's tau %v over %d blocks", in, in.N)
	switch {
	case in.Lo >= 0.9:
		return Supported, words
	case in.Hi < 0.9:
		return Contradicted, words
	}
	return Inconclusive, words
}

// reaches looks at the load where the quantity is largest.
func reaches(c *Claim, s *runs.Set) (Verdict, string) {
	best := stats.Interval{Estimate: math.Inf(-1)}
	at := 0
	for _, load := range c.Loads {
		var v []float64
		for _, x := range values(s, c.Tiers[0], load, c.Quantity) {
			v = append(v, x)
		}
		slices.Sort(v)
		in, err := stats.GeometricMean(v, 1-alpha)
		if err == nil && in.Estimate > best.Estimate {
			best, at = in, load
		}
	}
	if math.IsInf(best.Estimate, -1) {
		return Inconclusive, "too few runs"
	}
	words := fmt.Sprintf("largest at %d connections: %v", at, best)
	switch {
	case best.Lo >= c.Value:
		return Supported, words
	case best.Hi < c.Value:
		return Contradicted, words
	}
	return Inconclusive, words
}

// atKnee is supported where the methods agree on a range that holds the value,
// contradicted where none of them holds it.
func atKnee(c *Claim, s *runs.Set) (Verdict, string) {
	for _, t := range saturation.Find(s, file) {
		if t.Name != c.Tiers[0] {
			continue
		}
		holds, found := 0, 0
		var words []string
		for _, k := range t.Knees {
			if k.Err != nil || math.IsNaN(k.Lo) {
				continue
			}
			found++
			if k.Lo <= c.Value && c.Value <= k.Hi {
				holds++
			}
			words = append(words, fmt.Sprintf("%s %.3g [%.3g, %.3g]", k.Method, k.Estimate, k.Lo, k.Hi))
		}
		numbers := strings.Join(words, "; ")
		switch {
		case found == 0:
			return Inconclusive, "no method finds a knee"
		case t.Bound != "":
			return Inconclusive, numbers + "; " + t.Bound
		case t.Agree && t.Common[0] <= c.Value && c.Value <= t.Common[1]:
			return Supported, numbers
		case holds == 0:
			return Contradicted, numbers
		}
		return Inconclusive, numbers
	}
	return NotTested, ""
}
