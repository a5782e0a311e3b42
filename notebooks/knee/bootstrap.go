package knee

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
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
// each method. The interval is the percentile bootstrap's over blocks: whole
// blocks are drawn, since what disturbs a block disturbs all its loads.
func Bootstrap(n []float64, rates [][]float64, draws int, seed uint64, level float64) []Knee {
	blocks := math.MaxInt
	for _, r := range rates {
		blocks = min(blocks, len(r))
	}
	mean := func(pick func(b int) int) Curve {
		c := Curve{N: n, X: make([]float64, len(n))}
		for i := range n {
			for b := range blocks {
				c.X[i] += math.Log(rates[i][pick(b)]) / float64(blocks)
			}
			c.X[i] = math.Exp(c.X[i])
		}
		return c
	}
	var knees []Knee
	for _, m := range Methods {
		k := Knee{Method: m.Name, Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
		if len(n) == 0 || blocks == 0 || blocks == math.MaxInt {
			k.Err = ErrShort
			knees = append(knees, k)
			continue
		}
		k.Estimate, k.Err = m.Find(mean(func(b int) int { return b }))
		if blocks >= 2 && k.Err == nil {
			rng := rand.New(rand.NewPCG(seed, 0))
			var found []float64
			for range draws {
				if v, err := m.Find(mean(func(int) int { return rng.IntN(blocks) })); err == nil {
					found = append(found, v)
				}
			}
			k.Found = float64(len(found)) / float64(draws)
			sort.Float64s(found)
			if len(found) > 0 {
				k.Lo = found[int((1-level)/2*float64(len(found)))]
				k.Hi = found[min(len(found)-1, int((1+level)/2*float64(len(found))))]
			}
		}
		knees = append(knees, k)
	}
	return knees
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
