// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// A KneeMethod finds a knee in a curve.
type KneeMethod struct {
	Name string
	Find func(ThroughputCurve) (float64, error)
	// over is the method's own way to an interval over blocks, where drawing
	// blocks again is not the right one.
	over func(blocks []ThroughputCurve, p Resampling) (Interval, error)
}

// KneeMethods are the four.
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
// interval is the percentile bootstrap's, expanded as BootstrapUnits says,
// over the resamples in which the method finds a knee. For N* see starOver.
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
		in, k.Err = m.over(blocks, p)
		k.Estimate, k.Lo, k.Hi, k.Found = in.Estimate, in.Lo, in.Hi, 1
		return k
	}
	found := slices.DeleteFunc(Resample(p, func(rng *rand.Rand) float64 {
		pick := make([]int, len(blocks))
		for i := range pick {
			pick[i] = rng.IntN(len(blocks))
		}
		v, err := m.Find(meanCurve(blocks, pick))
		if err != nil {
			return math.NaN()
		}
		return v
	}), math.IsNaN)
	k.Found = float64(len(found)) / float64(p.Draws)
	if len(found) > 0 {
		k.Lo, k.Hi, k.Err = PercentileInterval(found, len(blocks), p.Level)
	}
	return k
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

// saturationPointOver is N* over two blocks or more. Where several loads are about as fast,
// the highest of their rates is so by luck, and the ratio to it too high. So the
// peak is chosen in one half of the blocks and the ratio taken from the other,
// and the other way around, over many random halves (repeated cross-validation;
// Picard and Cook, Journal of the American Statistical Association 79(387), 1984).
// The interval is as wide as Student's on the logarithms of the blocks' ratios at
// the load that is fastest in all of them.
func saturationPointOver(blocks []ThroughputCurve, p Resampling) (Interval, error) {
	best := func(of []int) int { return peak(meanCurve(blocks, of)) }
	logs := func(of []int, at int) float64 {
		sum := 0.0
		for _, b := range of {
			sum += math.Log(blocks[b].X[at] / blocks[b].X[0])
		}
		return sum / float64(len(of))
	}
	estimate := stat.Mean(Resample(p, func(rng *rand.Rand) float64 {
		order := rng.Perm(len(blocks))
		a, b := order[:len(blocks)/2], order[len(blocks)/2:]
		return (logs(a, best(b)) + logs(b, best(a))) / 2
	}), nil)
	at := best(allIndices(len(blocks)))
	ratios := make([]float64, len(blocks))
	for b, c := range blocks {
		ratios[b] = c.X[at] / c.X[0]
	}
	in, err := GeometricMean(ratios, p.Level)
	shift := math.Exp(estimate) / in.Estimate
	in.Estimate, in.Lo, in.Hi = in.Estimate*shift, in.Lo*shift, in.Hi*shift
	return in, err
}

// allIndices are the numbers below n.
func allIndices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// KneeAgreement says whether all methods that found a knee could mean the same
// one: their intervals have a load in common.
func KneeAgreement(knees []Knee) (common [2]float64, agree bool) {
	var lo, hi []float64
	for _, k := range knees {
		if k.Err == nil && !math.IsNaN(k.Lo) {
			lo, hi = append(lo, k.Lo), append(hi, k.Hi)
		}
	}
	if len(lo) < 2 {
		return common, false
	}
	common = [2]float64{slices.Max(lo), slices.Min(hi)}
	return common, common[0] <= common[1]
}
