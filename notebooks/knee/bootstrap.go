package knee

import (
	"math"
	"math/rand/v2"
	"slices"

	"crossing/notebooks/bootstrap"
	"crossing/notebooks/interval"
)

// A Method finds a knee in a curve.
type Method struct {
	Name string
	Find func(Curve) (float64, error)
	// over is the method's own way to an interval over blocks, where drawing
	// blocks again is not the right one.
	over func(blocks []Curve, level float64) (interval.Interval, error)
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
// over the resamples in which the method finds a knee. N* is found block by
// block (starOver), without drawing.
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
	whole := mean(blocks, func(b int) int { return b })
	if k.Estimate, k.Err = m.Find(whole); len(blocks) < 2 || k.Err != nil {
		return k
	}
	if m.over != nil {
		var in interval.Interval
		in, k.Err = m.over(blocks, p.Level)
		k.Estimate, k.Lo, k.Hi, k.Found = in.Estimate, in.Lo, in.Hi, 1
		return k
	}
	found := slices.DeleteFunc(bootstrap.Draw(p, func(rng *rand.Rand) float64 {
		v, err := m.Find(mean(blocks, func(int) int { return rng.IntN(len(blocks)) }))
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

// mean is the geometric mean of as many curves as there are, picked by place.
func mean(curves []Curve, pick func(place int) int) Curve {
	c := Curve{N: curves[0].N, X: make([]float64, len(curves[0].N))}
	for b := range curves {
		for i, x := range curves[pick(b)].X {
			c.X[i] += math.Log(x) / float64(len(curves))
		}
	}
	for i, x := range c.X {
		c.X[i] = math.Exp(x)
	}
	return c
}

// starOver is N* over blocks: the geometric mean of each block's rate at the
// peak to its rate at one connection, with Student's interval. The peak of a
// block is the load at which the other blocks together are fastest: where
// several loads are about as fast, the highest of their rates is so by luck, and
// the ratio to it is too high (cross-validation; Stone, Journal of the Royal
// Statistical Society B 36(2), 1974).
func starOver(blocks []Curve, level float64) (interval.Interval, error) {
	ratios := make([]float64, len(blocks))
	for b, c := range blocks {
		others := mean(slices.Concat(blocks[:b], blocks[b+1:]), func(o int) int { return o })
		ratios[b] = c.X[top(others)] / c.X[0]
	}
	return interval.Geometric(ratios, level)
}
