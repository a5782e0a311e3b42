// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// madeLatencies is what notebooks/values.py calls series.
func madeLatencies(n int, seed int64) []float64 {
	out := make([]float64, n)
	for i := range out {
		seed = (seed*1103515245 + 12345) % (1 << 31)
		out[i] = float64(seed)/(1<<31) - 0.5
	}
	return out
}

func checkLoss(x [][]float64, y, b []float64, q float64) (sum float64) {
	for i := range y {
		e := y[i]
		for j := range b {
			e -= x[i][j] * b[j]
		}
		if e < 0 {
			sum += e * (q - 1)
		} else {
			sum += e * q
		}
	}
	return sum
}

// TestQuantileRegression compares the losses with those of statsmodels' QuantReg
// (notebooks/values.py), which iterates least squares: ours is never higher.
func TestQuantileRegression(t *testing.T) {
	const n = 64
	e := madeLatencies(n, 11)
	var design, slope [][]float64
	y := make([]float64, n)
	for i := range y {
		a, b := float64(i%2), float64(i/2%2)
		y[i] = 10 + 2*a - b + 3*a*b + e[i]*(1+4*a)
		design, slope = append(design, []float64{1, a, b, a * b}), append(slope, []float64{1, float64(i) / n})
	}
	for _, c := range []struct {
		name string
		x    [][]float64
		q    float64
		want float64
	}{
		{"design", design, .5, 23.79412086}, {"slope", slope, .5, 53.79083802},
		{"design", design, .9, 8.99866078}, {"slope", slope, .9, 25.77851592},
	} {
		b, err := QuantileRegression(c.x, y, nil, c.q)
		if err != nil {
			t.Fatal(err)
		}
		if got := checkLoss(c.x, y, b, c.q); got > c.want+1e-6 || got < c.want-1e-3 {
			t.Errorf("%s %v: loss %.8f with %v, statsmodels %.8f", c.name, c.q, got, b, c.want)
		}
	}
}

// TestPlantedCause: the factor that makes 2 % of the requests slow is ranked
// first at p99, and not the one that doubles all of them.
func TestPlantedCause(t *testing.T) {
	const draws = 100
	first := 0
	for d := range uint64(draws) {
		rng := rand.New(rand.NewPCG(4, d))
		var x [][]float64
		var y []float64
		for cell := range 8 {
			a, b, c := float64(cell&1), float64(cell>>1&1), float64(cell>>2)
			for range 250 {
				v := .3*rng.NormFloat64() + math.Log(2)*b
				if a == 1 && rng.Float64() < .03 {
					v += math.Log(40)
				}
				x, y = append(x, []float64{1, a, b, c}), append(y, v)
			}
		}
		k, err := QuantileRegression(x, y, nil, .99)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(k[1]) > math.Abs(k[2]) && math.Abs(k[1]) > math.Abs(k[3]) {
			first++
		}
	}
	if first < 95 {
		t.Errorf("ranked first in %d of %d", first, draws)
	}
}

func TestShapley(t *testing.T) {
	// The glove game: factor 0 and either of 1 and 2 make 1.
	got := Shapley(3, func(on uint) float64 {
		if on&1 != 0 && on&6 != 0 {
			return 1
		}
		return 0
	})
	for i, want := range []float64{2. / 3, 1. / 6, 1. / 6} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("factor %d: %v, want %v", i, got[i], want)
		}
	}
	sum := 0.0
	for _, v := range Shapley(6, func(on uint) float64 { return float64(on * on) }) {
		sum += v
	}
	if math.Abs(sum-63*63) > 1e-9 {
		t.Errorf("shares sum to %v", sum)
	}
}

func TestRegressionBadInput(t *testing.T) {
	if _, err := QuantileRegression(nil, nil, nil, .5); !errors.Is(err, ErrSingularDesign) {
		t.Error(err)
	}
	if _, err := QuantileRegression([][]float64{{1, 1}, {1, 1}, {1, 1}}, []float64{1, 2, 3}, nil, .5); !errors.Is(err, ErrSingularDesign) {
		t.Errorf("two columns the same: %v", err)
	}
	if _, err := QuantileRegression([][]float64{{1}, {1}}, []float64{1, math.NaN()}, nil, .5); !errors.Is(err, ErrNotFiniteValues) {
		t.Error(err)
	}
	if b, err := QuantileRegression([][]float64{{1}, {1}, {1}}, []float64{7, 7, 7}, nil, .9); err != nil || math.Abs(b[0]-7) > 1e-6 {
		t.Errorf("all equal: %v, %v", b, err)
	}
}
