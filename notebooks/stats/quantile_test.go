// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestQuantileBounds compares with scipy's binomial distribution: notebooks/values.py.
func TestQuantileBounds(t *testing.T) {
	for _, c := range []struct {
		n        int
		q, level float64
		lo, hi   int // n+1: none
	}{
		{10, 0.5, 0.95, 2, 9}, {10, 0.5, 0.99, 1, 10}, {10, 0.9, 0.95, 7, 11}, {10, 0.9, 0.99, 6, 11},
		{10, 0.99, 0.95, 9, 11}, {59, 0.5, 0.95, 22, 38}, {59, 0.5, 0.99, 20, 40}, {59, 0.9, 0.95, 48, 58},
		{59, 0.9, 0.99, 47, 59}, {59, 0.99, 0.95, 57, 60}, {60, 0.5, 0.95, 22, 39}, {60, 0.5, 0.99, 20, 41},
		{60, 0.9, 0.95, 49, 59}, {60, 0.9, 0.99, 47, 60}, {60, 0.99, 0.95, 58, 61}, {100, 0.5, 0.95, 40, 61},
		{100, 0.5, 0.99, 37, 64}, {100, 0.9, 0.95, 84, 96}, {100, 0.9, 0.99, 82, 98}, {100, 0.99, 0.95, 97, 101},
		{1000, 0.5, 0.95, 469, 532}, {1000, 0.5, 0.99, 459, 542}, {1000, 0.9, 0.95, 881, 919}, {1000, 0.9, 0.99, 875, 925},
		{1000, 0.99, 0.95, 983, 997}, {1000, 0.99, 0.99, 981, 998}, {100000, 0.5, 0.95, 49690, 50311},
		{100000, 0.5, 0.99, 49593, 50408}, {100000, 0.9, 0.95, 89814, 90187}, {100000, 0.9, 0.99, 89755, 90245},
		{100000, 0.99, 0.95, 98938, 99062}, {100000, 0.99, 0.99, 98918, 99081},
	} {
		lo, hi, err := QuantileBounds(c.n, c.q, c.level)
		if lo != c.lo || hi != c.hi || (c.hi > c.n) != errors.Is(err, ErrNoBound) {
			t.Errorf("n=%d q=%v level=%v: %d, %d, %v; scipy: %d, %d", c.n, c.q, c.level, lo, hi, err, c.lo, c.hi)
		}
	}
}

func TestQuantileBadInput(t *testing.T) {
	for _, q := range []float64{0, 1, -1, math.NaN()} {
		if _, _, err := QuantileBounds(100, q, 0.95); !errors.Is(err, ErrQuantile) {
			t.Errorf("quantile %v: %v", q, err)
		}
	}
	if e := Quantiles(nil, []float64{.5}, 0.95)[0]; e.Err == nil {
		t.Error("a quantile of nothing")
	}
	same := make([]int64, 1000)
	if e := Quantiles(same, []float64{.99}, 0.95)[0]; e.Err != nil || e.Lo != 0 || e.Hi != 0 {
		t.Errorf("all equal: %+v", e)
	}
}

func TestSelect(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() int64{
		"log-normal": func() int64 { return int64(1e5 * math.Exp(rng.NormFloat64())) },
		"two modes":  func() int64 { return []int64{1e5, 4e7}[rng.IntN(50)/49] + rng.Int64N(1000) },
		"equal":      func() int64 { return 7 },
		"any":        func() int64 { return int64(rng.Uint64()) },
		"small":      func() int64 { return rng.Int64N(5) - 2 },
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 2, 100, 30_000} {
				x := make([]int64, n)
				for i := range x {
					x[i] = draw()
				}
				before := slices.Clone(x)
				ranks := []int{n, 1, Rank(n, .5), Rank(n, .99), Rank(n, .5)}
				got := Select(x, ranks)
				if !slices.Equal(x, before) {
					t.Fatal("the sample's order changed")
				}
				slices.Sort(before)
				for i, r := range ranks {
					if got[i] != before[r-1] {
						t.Errorf("n=%d, place %d: %d, want %d", n, r, got[i], before[r-1])
					}
				}
			}
		})
	}
}

// TestQuantileCoverage: of a Pareto distribution's p99, whose truth is known.
func TestQuantileCoverage(t *testing.T) {
	const draws = 1000
	truth := int64(1e5 * math.Pow(0.01, -1/1.5))
	covered := 0
	x := make([]int64, 2000)
	for draw := range uint64(draws) {
		rng := rand.New(rand.NewPCG(5, draw))
		for i := range x {
			x[i] = int64(1e5 * math.Pow(1-rng.Float64(), -1/1.5))
		}
		if e := Quantiles(x, []float64{.99}, .95)[0]; e.Lo <= truth && truth <= e.Hi {
			covered++
		}
	}
	// The steps of a discrete distribution make it cover a little more.
	if share := float64(covered) / draws; share < .93 || share > .985 {
		t.Errorf("covers %.3f", share)
	}
}
