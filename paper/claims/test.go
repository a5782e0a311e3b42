package claims

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"crossing/notebooks/compare"
	"crossing/notebooks/interval"
	"crossing/notebooks/runs"
	"crossing/notebooks/saturation"
)

// alpha is the level of every test; intervals are at 1-alpha.
const alpha = 0.05

// file is the one that the paper served, as near as the site has it.
const file = "100"

type test struct {
	tiers    int  // that it takes at least
	quantity bool // that it takes one
	run      func(*Claim, *runs.Set) (Verdict, string)
}

var tests map[string]test

func init() {
	tests = map[string]test{
		"ordering":   {2, true, ordering},
		"below":      {2, true, below},
		"equivalent": {2, true, equivalent},
		"same-order": {2, true, sameOrder},
		"reaches":    {1, true, reaches},
		"knee":       {1, false, atKnee},
	}
}

// Test tests a claim on the first of its datasets that is there and holds its
// tiers. open returns the newest dataset of a name, or false.
func Test(c Claim, open func(name string) (*runs.Set, bool)) Result {
	r := Result{Claim: c, Verdict: NotTested}
	var lacks []string
	for _, name := range c.Datasets {
		s, ok := open(name)
		if !ok {
			lacks = append(lacks, "no dataset "+name)
			continue
		}
		if missing := absent(s, c.Tiers); len(missing) > 0 {
			lacks = append(lacks, fmt.Sprintf("%s has no %s", s.Meta.ID(), strings.Join(missing, ", ")))
			continue
		}
		r.Dataset = s.Meta.ID()
		r.Verdict, r.Numbers = tests[c.Test].run(&c, s)
		r.Caution = caution(s, c.Tiers)
		return r
	}
	r.Numbers = strings.Join(lacks, "; ")
	return r
}

func absent(s *runs.Set, tiers []string) (missing []string) {
	for _, t := range tiers {
		if !slices.ContainsFunc(s.Tiers(), func(x runs.Tier) bool { return x.Name == t }) {
			missing = append(missing, t)
		}
	}
	return missing
}

func caution(s *runs.Set, tiers []string) string {
	var all []string
	if s.Meta.Emulated {
		all = append(all, "emulated NIC in virtual time")
	}
	bound := 0
	for _, r := range s.Runs() {
		if slices.Contains(tiers, r.Tier) && slices.Contains(strings.Fields(r.Marks), "client-bound") {
			bound++
		}
	}
	if bound > 0 {
		all = append(all, fmt.Sprintf("the client could not go twice as fast in %d of these runs", bound))
	}
	return strings.Join(all, "; ")
}

// loads are the claim's, or all of the dataset.
func (c *Claim) loads(s *runs.Set) []int {
	if len(c.Loads) > 0 {
		return c.Loads
	}
	return s.Connections()
}

// pair compares tier a with tier b at one load, within blocks.
func pair(s *runs.Set, a, b string, load int, quantity string) (compare.Ratio, error) {
	x, y := values(s, a, load, quantity), values(s, b, load, quantity)
	var p, q []float64
	for block, v := range x {
		if w, ok := y[block]; ok {
			p, q = append(p, v), append(q, w)
		}
	}
	return compare.Paired(p, q, 1-alpha)
}

func values(s *runs.Set, tier string, load int, quantity string) map[int32]float64 {
	all := map[int32]float64{}
	closed := s.Closed(tier, file)[load]
	for i := range closed {
		all[closed[i].Block] = quantities[quantity](&closed[i])
	}
	return all
}

// ordering compares each tier with the next worse at every load; Holm over all
// of these comparisons.
func ordering(c *Claim, s *runs.Set) (Verdict, string) {
	var p []float64
	var right []bool
	var words []string
	for _, load := range c.loads(s) {
		for i := 0; i+1 < len(c.Tiers); i++ {
			r, err := pair(s, c.Tiers[i], c.Tiers[i+1], load, c.Quantity)
			if err != nil {
				return Inconclusive, fmt.Sprintf("%s and %s at %d: %v", c.Tiers[i], c.Tiers[i+1], load, err)
			}
			p, right = append(p, r.P), append(right, r.Estimate < 1)
			words = append(words, fmt.Sprintf("%s/%s at %d: %v", c.Tiers[i], c.Tiers[i+1], load, r.Interval))
		}
	}
	return judge(p, right), strings.Join(words, "; ")
}

// judge is supported where every comparison is significant in the claimed
// direction, contradicted where one is significant in the other.
func judge(p []float64, right []bool) Verdict {
	verdict := Supported
	for i, adjusted := range compare.Holm(p) {
		switch {
		case adjusted <= alpha && !right[i]:
			return Contradicted
		case adjusted > alpha:
			verdict = Inconclusive
		}
	}
	if len(p) == 0 {
		return Inconclusive
	}
	return verdict
}

func below(c *Claim, s *runs.Set) (Verdict, string) { return ordering(c, s) }

// equivalent runs two one-sided tests at each load.
func equivalent(c *Claim, s *runs.Set) (Verdict, string) {
	var words []string
	verdict := Supported
	for _, load := range c.loads(s) {
		x, y := values(s, c.Tiers[0], load, c.Quantity), values(s, c.Tiers[1], load, c.Quantity)
		var p, q []float64
		for block, v := range x {
			if w, ok := y[block]; ok {
				p, q = append(p, v), append(q, w)
			}
		}
		r, err := compare.Paired(p, q, 1-alpha)
		if err != nil {
			return Inconclusive, fmt.Sprintf("at %d: %v", load, err)
		}
		pe, err := compare.Equivalent(p, q, c.Margin)
		if err != nil {
			return Inconclusive, fmt.Sprintf("at %d: %v", load, err)
		}
		words = append(words, fmt.Sprintf("%s/%s at %d: %v, equivalence p %.3g", c.Tiers[0], c.Tiers[1], load, r.Interval, pe))
		switch {
		case pe <= alpha:
		case r.Exact >= 1-alpha && (r.Lo > 1+c.Margin || r.Hi < 1/(1+c.Margin)):
			return Contradicted, strings.Join(words, "; ")
		default:
			verdict = Inconclusive
		}
	}
	return verdict, strings.Join(words, "; ")
}

// sameOrder is Kendall's tau between the tiers' order by one quantity and by
// another, one value for each block and load.
func sameOrder(c *Claim, s *runs.Set) (Verdict, string) {
	byBlock := map[int32][]float64{}
	for _, load := range c.loads(s) {
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
	in, err := interval.Mean(taus, 1-alpha)
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
	best := interval.Interval{Estimate: math.Inf(-1)}
	at := 0
	for _, load := range c.loads(s) {
		var v []float64
		for _, x := range values(s, c.Tiers[0], load, c.Quantity) {
			v = append(v, x)
		}
		slices.Sort(v)
		in, err := interval.Geometric(v, 1-alpha)
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
