// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// A KneeMethod finds a knee in a curve.
type KneeMethod struct {
	Name string
	Find func(ThroughputCurve) (float64, error)
	// over is the method's own interval over blocks, where resampling blocks is
	// not the right way to one.
	over func(blocks []ThroughputCurve, level float64) (Interval, error)
}

// KneeMethods are the four. They estimate four different things: the first is
// the study's estimand, the saturation point; the others are shown beside it.
var KneeMethods = []KneeMethod{
	{"N* = Xmax/X1", SaturationPoint, saturationPointOver},
	{"USL", func(c ThroughputCurve) (float64, error) {
		u, err := FitUSL(c)
		if err != nil {
			return math.NaN(), err
		}
		return u.Knee()
	}, nil},
	{"segmented", SegmentedKnee, nil},
	{"Kneedle", Kneedle, nil},
}

// A Knee is a method's estimate with its interval over runs.
type Knee struct {
	Method           string
	Estimate, Lo, Hi float64
	Found            float64 // share of the resamples in which the method finds a knee
	Err              error   // why there is no estimate
}

// BootstrapKnees finds the knee of runs, rates[i][b] at load n[i] in block b, by
// each method.
func BootstrapKnees(n []float64, rates [][]float64, p Resampling) []Knee {
	var knees []Knee
	for _, m := range KneeMethods {
		knees = append(knees, m.Bootstrap(n, rates, p))
	}
	return knees
}

// Bootstrap finds the knee by this method in the blocks' geometric mean. Whole
// blocks are drawn, since what disturbs a block disturbs all its loads; the
// interval is the percentile bootstrap's, expanded as for BootstrapUnits,
// over the resamples in which the method finds a knee. Of up to 6 blocks every
// resample is taken, so that nothing depends on the seed. For N* see
// saturationPointOver.
//
// Kneedle's knee is one of the loads measured, so its interval goes from load to
// load, and covers more than its level.
func (m KneeMethod) Bootstrap(n []float64, rates [][]float64, p Resampling) Knee {
	k := Knee{Method: m.Name, Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	blocks := throughputCurves(n, rates)
	if len(blocks) == 0 {
		k.Err = ErrShortCurve
		return k
	}
	if k.Estimate, k.Err = m.Find(meanCurve(blocks, allIndices(len(blocks)))); len(blocks) < 2 || k.Err != nil {
		return k
	}
	if m.over != nil {
		var in Interval
		in, k.Err = m.over(blocks, p.Level)
		k.Estimate, k.Lo, k.Hi, k.Found = in.Estimate, in.Lo, in.Hi, 1
		return k
	}
	find := func(pick []int) float64 {
		v, err := m.Find(meanCurve(blocks, pick))
		if err != nil {
			return math.NaN()
		}
		return v
	}
	var values, weights []float64
	if len(blocks) <= enumeratedUnits {
		eachResample(len(blocks), func(pick []int, weight float64) {
			values, weights = append(values, find(pick)), append(weights, weight)
		})
	} else {
		values = Resample(p, func(rng *rand.Rand) float64 {
			pick := make([]int, len(blocks))
			for i := range pick {
				pick[i] = rng.IntN(len(blocks))
			}
			return find(pick)
		})
		weights = slices.Repeat([]float64{1 / float64(len(values))}, len(values))
	}
	k.Lo, k.Hi, k.Found = weightedInterval(values, weights, expandedTail(len(blocks), p.Level))
	return k
}

// enumeratedUnits is the number of units up to which a bootstrap takes every
// resample, of which 6 units have 462, and no draw.
const enumeratedUnits = 6

// eachResample calls use with every choice of n of n units, in ascending order,
// and its probability.
func eachResample(n int, use func(pick []int, weight float64)) {
	factorial := func(n int) float64 { return math.Round(math.Gamma(float64(n + 1))) }
	pick := make([]int, n)
	var choose func(at, least int)
	choose = func(at, least int) {
		if at < n {
			for pick[at] = least; pick[at] < n; pick[at]++ {
				choose(at+1, pick[at])
			}
			return
		}
		weight := factorial(n) / math.Pow(float64(n), float64(n))
		for i := 0; i < n; {
			same := i
			for same < n && pick[same] == pick[i] {
				same++
			}
			weight /= factorial(same - i)
			i = same
		}
		use(slices.Clone(pick), weight)
	}
	choose(0, 0)
}

// weightedInterval cuts the tail at each side of the values, each of which has a
// probability; NaN values are left out, and found is the probability of the
// others.
func weightedInterval(values, weights []float64, tail float64) (lo, hi, found float64) {
	lo, hi = math.NaN(), math.NaN()
	var order []int
	for i, v := range values {
		if !math.IsNaN(v) {
			order = append(order, i)
			found += weights[i]
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	below, above := 0.0, 0.0
	for _, i := range order {
		if below += weights[i]; below > tail*found {
			lo = values[i]
			break
		}
	}
	for _, i := range slices.Backward(order) {
		if above += weights[i]; above > tail*found {
			hi = values[i]
			break
		}
	}
	return lo, hi, found
}

// throughputCurves are those of the blocks that have every load.
func throughputCurves(n []float64, rates [][]float64) []ThroughputCurve {
	if len(n) == 0 {
		return nil
	}
	blocks := math.MaxInt
	for _, r := range rates {
		blocks = min(blocks, len(r))
	}
	all := make([]ThroughputCurve, blocks)
	for b := range all {
		all[b] = ThroughputCurve{N: n, X: make([]float64, len(n))}
		for i := range n {
			all[b].X[i] = rates[i][b]
		}
	}
	return all
}

// meanCurve is the geometric mean of the curves at the places picked.
func meanCurve(curves []ThroughputCurve, pick []int) ThroughputCurve {
	c := ThroughputCurve{N: curves[0].N, X: make([]float64, len(curves[0].N))}
	for _, at := range pick {
		for i, x := range curves[at].X {
			c.X[i] += math.Log(x) / float64(len(pick))
		}
	}
	for i, x := range c.X {
		c.X[i] = math.Exp(x)
	}
	return c
}

// saturationPointOver is an interval of N* over two blocks or more: of the
// greatest of the ratios X(N)/X(1), wherever it lies.
//
// The ratio at each load has Student's interval on the logarithms of the blocks'
// ratios. The greatest true ratio is at most the greatest upper bound, except
// where its own bound fails; and at least the greatest lower bound, except where
// one of them fails, so that these are at a level divided by their number
// (Bonferroni). Where several loads are about as fast it covers more than its
// level. By definition N* is at least 1.
func saturationPointOver(blocks []ThroughputCurve, level float64) (Interval, error) {
	loads := len(blocks[0].N)
	in := Interval{Estimate: 1, Lo: 1, Hi: 1, Level: level, N: len(blocks)}
	for at := 1; at < loads; at++ {
		ratios := make([]float64, len(blocks))
		for b, c := range blocks {
			ratios[b] = c.X[at] / c.X[0]
		}
		above, err := GeometricMean(ratios, level)
		if err != nil {
			return in, err
		}
		below, err := GeometricMean(ratios, 1-(1-level)/float64(loads-1))
		if err != nil {
			return in, err
		}
		in.Estimate, in.Lo, in.Hi = max(in.Estimate, above.Estimate), max(in.Lo, below.Lo), max(in.Hi, above.Hi)
	}
	return in, nil
}

// allIndices are the numbers below n.
func allIndices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
