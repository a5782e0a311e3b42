package knee

import (
	"math"
	"math/rand/v2"
	"slices"

	"crossing/notebooks/bootstrap"
)

// A Method finds a knee in a curve.
type Method struct {
	Name string
	Find func(Curve) (float64, error)
}

// Methods are the four.
var Methods = []Method{
	{"N* = Xmax/X1", Star},
	{"USL", func(c Curve) (float64, error) {
		u, err := FitUSL(c)
		if err != nil {
			return math.NaN(), err
		}
		return u.Knee()
	}},
	{"segmented", Segmented},
	{"Kneedle", Kneedle},
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

// Bootstrap finds the knee by this method. Whole blocks are drawn, since what
// disturbs a block disturbs all its loads; the interval is the percentile
// bootstrap's, expanded as package bootstrap says, over the resamples in which
// the method finds a knee.
func (m Method) Bootstrap(n []float64, rates [][]float64, p bootstrap.Plan) Knee {
	k := Knee{Method: m.Name, Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	blocks := math.MaxInt
	for _, r := range rates {
		blocks = min(blocks, len(r))
	}
	if len(n) == 0 || blocks == 0 || blocks == math.MaxInt {
		k.Err = ErrShort
		return k
	}
	mean := func(pick func(b int) int) Curve {
		c := Curve{N: n, X: make([]float64, len(n))}
		for b := range blocks {
			drawn := pick(b)
			for i := range n {
				c.X[i] += math.Log(rates[i][drawn]) / float64(blocks)
			}
		}
		for i, x := range c.X {
			c.X[i] = math.Exp(x)
		}
		return c
	}
	k.Estimate, k.Err = m.Find(mean(func(b int) int { return b }))
	if blocks < 2 || k.Err != nil {
		return k
	}
	found := slices.DeleteFunc(bootstrap.Draw(p, func(rng *rand.Rand) float64 {
		v, err := m.Find(mean(func(int) int { return rng.IntN(blocks) }))
		if err != nil {
			return math.NaN()
		}
		return v
	}), math.IsNaN)
	k.Found = float64(len(found)) / float64(p.Draws)
	if len(found) > 0 {
		k.Lo, k.Hi, k.Err = bootstrap.Percentile(found, blocks, p.Level)
	}
	return k
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
