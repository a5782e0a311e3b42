// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// autoregressive is what notebooks/values.py calls series.
func autoregressive(n int, phi float64, seed int64) []float64 {
	out := make([]float64, n)
	x := 0.0
	for i := range out {
		seed = (seed*1103515245 + 12345) % (1 << 31)
		x = phi*x + float64(seed)/(1<<31) - 0.5
		out[i] = x
	}
	return out
}

func arithmetic(x []float64) float64 { return stat.Mean(x, nil) }

// TestBlockLength compares with an implementation in numpy: notebooks/values.py.
func TestBlockLength(t *testing.T) {
	for _, c := range []struct {
		n    int
		phi  float64
		want float64
	}{
		{200, 0, 1.749681}, {200, 0.5, 3.871554}, {200, 0.95, 19.272431},
		{1000, 0, 2.028340}, {1000, 0.5, 13.154723}, {1000, 0.95, 50.687903},
		{5000, 0, 2.015823}, {5000, 0.5, 22.193852}, {5000, 0.95, 117.310991},
	} {
		if got := BlockLength(autoregressive(c.n, c.phi, 7)); math.Abs(got-c.want) > 1e-5 {
			t.Errorf("n=%d φ=%v: %v, numpy: %v", c.n, c.phi, got, c.want)
		}
	}
	for _, x := range [][]float64{nil, {1, 2}, make([]float64, 100)} {
		if got := BlockLength(x); got != 1 {
			t.Errorf("%d values without structure: %v", len(x), got)
		}
	}
}

// TestDesignEffect compares with numpy: notebooks/values.py.
func TestDesignEffect(t *testing.T) {
	var runs [][]float64
	for s := range int64(4) {
		x := autoregressive(50, 0.2, s+1)
		for i := range x {
			x[i] += float64(s+1) / 20
		}
		runs = append(runs, x)
	}
	if got := DesignEffect(runs); math.Abs(got-0.382451934) > 1e-8 {
		t.Errorf("%.9f", got)
	}
	if !math.IsNaN(DesignEffect(runs[:1])) || !math.IsNaN(DesignEffect([][]float64{{1, 1}, {1, 1}})) {
		t.Error("a design effect of one run, or of values all equal")
	}
}

func TestSameBitsOnAnyNumberOfCores(t *testing.T) {
	runs := [][]float64{autoregressive(300, .5, 1), autoregressive(300, .5, 2), autoregressive(300, .5, 3), autoregressive(300, .5, 4)}
	p := Resampling{Draws: 200, Seed: 42, Level: .95}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, err := HierarchicalBootstrap(runs, p, arithmetic)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GOMAXPROCS(7)
	if seven, _ := HierarchicalBootstrap(runs, p, arithmetic); one != seven {
		t.Errorf("%v on one core, %v on seven", one, seven)
	}
	p.Seed++
	if other, _ := HierarchicalBootstrap(runs, p, arithmetic); one == other {
		t.Error("another seed gives the same interval")
	}
}

// Coverage over runs that differ and are autocorrelated; intervals over
// requests would cover the truth in a few per cent of the cases.
func TestBootstrapCoverage(t *testing.T) {
	const draws, runs = 500, 10
	covered := 0
	for d := range uint64(draws) {
		rng := rand.New(rand.NewPCG(9, d))
		var all [][]float64
		for range runs {
			level, x := rng.NormFloat64(), 0.0
			v := make([]float64, 50)
			for i := range v {
				x = .9*x + rng.NormFloat64()
				v[i] = 100 + level + x
			}
			all = append(all, v)
		}
		in, err := BootstrapUnits(runs, Resampling{Draws: 300, Seed: d, Level: .95}, func(pick []int) float64 {
			sum := 0.0
			for _, r := range pick {
				sum += stat.Mean(all[r], nil)
			}
			return sum / runs
		})
		if err != nil {
			t.Fatal(err)
		}
		if in.Lo <= 100 && 100 <= in.Hi {
			covered++
		}
	}
	if share := float64(covered) / draws; share < .925 || share > .975 {
		t.Errorf("covers %.3f", share)
	}
}

func TestBootstrapBadInput(t *testing.T) {
	p := Resampling{Draws: 10, Level: .95}
	if in, err := HierarchicalBootstrap([][]float64{{1, 2, 3}}, p, arithmetic); !errors.Is(err, ErrTooFewToResample) || in.Estimate != 2 || !math.IsNaN(in.Hi) {
		t.Errorf("one run: %v, %v", in, err)
	}
	if _, err := HierarchicalBootstrap([][]float64{{1}, {}}, p, arithmetic); !errors.Is(err, ErrTooFewToResample) {
		t.Errorf("a run without rows: %v", err)
	}
	if _, err := HierarchicalBootstrap(nil, p, arithmetic); !errors.Is(err, ErrTooFewToResample) {
		t.Errorf("nothing: %v", err)
	}
	if _, err := HierarchicalBootstrap([][]float64{{1, math.NaN()}, {1, 2}}, p, arithmetic); !errors.Is(err, ErrNotFinite) {
		t.Errorf("NaN: %v", err)
	}
	if in, err := BlockBootstrap(make([]float64, 50), p, arithmetic); err != nil || in.Lo != 0 || in.Hi != 0 {
		t.Errorf("all equal: %v, %v", in, err)
	}
}
