package knee

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"

	"crossing/notebooks/bootstrap"
	"crossing/notebooks/interval"
)

// A Method finds a knee in a curve.
type Method struct {
	Name string
	Find func(Curve) (float64, error)
	// over is the method's own way to an interval over blocks, where drawing
	// blocks again is not the right one.
	over func(blocks []Curve, p bootstrap.Plan) (interval.Interval, error)
}

// Methods are the four.
var Methods = []Method{
	{"N* = Xmax/X1", Star, starOver},
	{"USL", func(c Curve) (float64, error) {
		u, err := FitUSL(c)
		if err != nil {
			return math.NaN(), err
		}
		return u.Knee()
	}, nil},
	{"segmented", Segmented, nil},
	{"Kneedle", Kneedle, nil},
}

// A Knee is a method's estimate with its interval over runs.
type Knee struct {
	Method           string
	Estimate, Lo, Hi float64
	Found            float64 // share of the resamples in which the method finds a knee
	Err              error   // why there is no estimate
}

// Bootstrap finds the knee of runs, rates[i][b] at load n[i] in block b, by
// each method.
func Bootstrap(n []float64, rates [][]float64, p bootstrap.Plan) []Knee {
	var knees []Knee
	for _, m := range Methods {
		knees = append(knees, m.Bootstrap(n, rates, p))
	}
	return knees
}

// Bootstrap finds the knee by this method in the blocks' geometric mean. Whole
// blocks are drawn, since what disturbs a block disturbs all its loads; the
// interval is the percentile bootstrap's, expanded as package bootstrap says,
// over the resamples in which the method finds a knee. For N* see starOver.
//
// Kneedle's knee is one of the loads measured, so its interval goes from load to
// load, and covers more than its level.
func (m Method) Bootstrap(n []float64, rates [][]float64, p bootstrap.Plan) Knee {
	k := Knee{Method: m.Name, Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	blocks := curves(n, rates)
	if len(blocks) == 0 {
		k.Err = ErrShort
		return k
	}
	if k.Estimate, k.Err = m.Find(mean(blocks, every(len(blocks)))); len(blocks) < 2 || k.Err != nil {
		return k
	}
	if m.over != nil {
		var in interval.Interval
		in, k.Err = m.over(blocks, p)
		k.Estimate, k.Lo, k.Hi, k.Found = in.Estimate, in.Lo, in.Hi, 1
		return k
	}
	found := slices.DeleteFunc(bootstrap.Draw(p, func(rng *rand.Rand) float64 {
		pick := make([]int, len(blocks))
		for i := range pick {
			pick[i] = rng.IntN(len(blocks))
		}
		v, err := m.Find(mean(blocks, pick))
		if err != nil {
			return math.NaN()
		}
		return v
	}), math.IsNaN)
	k.Found = float64(len(found)) / float64(p.Draws)
	if len(found) > 0 {
		k.Lo, k.Hi, k.Err = bootstrap.Percentile(found, len(blocks), p.Level)
	}
	return k
}

// curves are those of the blocks that have every load.
func curves(n []float64, rates [][]float64) []Curve {
	if len(n) == 0 {
		return nil
	}
	blocks := math.MaxInt
	for _, r := range rates {
		blocks = min(blocks, len(r))
	}
	all := make([]Curve, blocks)
	for b := range all {
		all[b] = Curve{N: n, X: make([]float64, len(n))}
		for i := range n {
			all[b].X[i] = rates[i][b]
		}
	}
	return all
}

// mean is the geometric mean of the curves at the places picked.
func mean(curves []Curve, pick []int) Curve {
	c := Curve{N: curves[0].N, X: make([]float64, len(curves[0].N))}
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

// starOver is N* over two blocks or more. Where several loads are about as fast,
// the highest of their rates is so by luck, and the ratio to it too high. So the
// peak is chosen in one half of the blocks and the ratio taken from the other,
// and the other way around, over many random halves (repeated cross-validation;
// Picard and Cook, Journal of the American Statistical Association 79(387), 1984).
// The interval is as wide as Student's on the logarithms of the blocks' ratios at
// the load that is fastest in all of them.
func starOver(blocks []Curve, p bootstrap.Plan) (interval.Interval, error) {
	peak := func(of []int) int { return top(mean(blocks, of)) }
	logs := func(of []int, at int) float64 {
		sum := 0.0
		for _, b := range of {
			sum += math.Log(blocks[b].X[at] / blocks[b].X[0])
		}
		return sum / float64(len(of))
	}
	estimate := stat.Mean(bootstrap.Draw(p, func(rng *rand.Rand) float64 {
		order := rng.Perm(len(blocks))
		a, b := order[:len(blocks)/2], order[len(blocks)/2:]
		return (logs(a, peak(b)) + logs(b, peak(a))) / 2
	}), nil)
	at := top(mean(blocks, every(len(blocks))))
	ratios := make([]float64, len(blocks))
	for b, c := range blocks {
		ratios[b] = c.X[at] / c.X[0]
	}
	in, err := interval.Geometric(ratios, p.Level)
	shift := math.Exp(estimate) / in.Estimate
	in.Estimate, in.Lo, in.Hi = in.Estimate*shift, in.Lo*shift, in.Hi*shift
	return in, err
}

// every is the numbers below n.
func every(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// Agreement says whether all methods that found a knee could mean the same
// one: their intervals have a load in common.
func Agreement(knees []Knee) (common [2]float64, agree bool) {
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
