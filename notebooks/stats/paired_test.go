// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func near(t *testing.T, what string, got, want, by float64) {
	t.Helper()
	if !(math.Abs(got-want) <= by) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Compared against scipy 1.10.1 and statsmodels 0.13.5.
func TestPairedAgainstScipy(t *testing.T) {
	x := []float64{12.1, 11.4, 13.2, 12.7, 11.9, 12.5, 13.8, 12.2}
	y := []float64{10.3, 10.9, 11.2, 10.1, 10.7, 12.6, 11.5, 10.2}
	r, err := Paired(x, y, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Hodges-Lehmann", r.Estimate, 1.1500610253285515, 1e-12)
	near(t, "signed-rank p", r.P, 0.015625, 1e-12)
	if !(r.Lo < r.Estimate && r.Estimate < r.Hi && r.Lo > 1 && r.Exact >= .95) {
		t.Errorf("interval %v, exact %v", r.Interval, r.Exact)
	}
	logs := Blocks{}
	for i, v := range []float64{1.02, 0.98, 1.05, 1.01, 0.97, 1.03} {
		logs[int32(i)] = math.Log(v)
	}
	p, err := logs.Equivalent(0.1)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "TOST p", p, 0.00046564150824569134, 1e-9)
}

func TestPairedIntervalCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const draws, truth = 2000, 1.3
	for _, n := range []int{6, 10, 20} {
		covered, exact := 0, 0.0
		for range draws {
			x, y := make([]float64, n), make([]float64, n)
			for i := range x {
				block := math.Exp(rng.NormFloat64()) // disturbs both
				x[i] = truth * block * math.Exp(0.1*rng.NormFloat64())
				y[i] = block * math.Exp(0.1*rng.NormFloat64())
			}
			r, err := Paired(x, y, 0.95)
			if err != nil {
				t.Fatal(err)
			}
			exact = r.Exact
			if r.Lo <= truth && truth <= r.Hi {
				covered++
			}
		}
		near(t, "coverage", float64(covered)/draws, exact, 0.02)
	}
}

func TestSwappingInverts(t *testing.T) {
	x, y := []float64{3, 4, 5, 6, 9, 2, 8}, []float64{2, 5, 4, 5, 5, 3, 3}
	a, _ := Paired(x, y, 0.95)
	b, _ := Paired(y, x, 0.95)
	near(t, "estimate", a.Estimate*b.Estimate, 1, 1e-12)
	near(t, "bounds", a.Lo*b.Hi, 1, 1e-12)
	near(t, "p", a.P, b.P, 1e-12)
}

func TestWhatCannotBeCompared(t *testing.T) {
	if _, err := Paired([]float64{1}, []float64{2}, .95); !errors.Is(err, ErrTooFewBlocks) {
		t.Errorf("one block: %v", err)
	}
	if _, err := Paired([]float64{1, 0}, []float64{2, 1}, .95); !errors.Is(err, ErrNotPositive) {
		t.Errorf("a zero: %v", err)
	}
	if _, err := Paired([]float64{1, math.NaN()}, []float64{2, 1}, .95); err == nil {
		t.Error("a NaN was compared")
	}
	r, err := Paired([]float64{2, 2, 2}, []float64{2, 2, 2}, .95)
	if err != nil || r.Estimate != 1 || r.P != 1 {
		t.Errorf("all equal: %+v, %v", r, err)
	}
	if r.Exact >= .95 {
		t.Errorf("three blocks claim to cover %v", r.Exact)
	}
}

// TestHodgesLehmann compares with a search over all pairwise means, and the depth
// with the tables of the signed-rank statistic.
func TestHodgesLehmann(t *testing.T) {
	in, exact := HodgesLehmann([]float64{0.11, 0.53, 0.02, 1.7, 0.31, 0.9, 0.07, 0.44, 0.25, 2.6, 0.61, 0.18}, .95)
	near(t, "centre", in.Estimate, .45, 1e-12)
	near(t, "low", in.Lo, .18, 1e-12)
	near(t, "high", in.Hi, 1.3, 1e-12)
	if exact < .95 {
		t.Errorf("covers %v", exact)
	}
	for n, want := range map[int]int{6: 0, 10: 8, 12: 13, 20: 52} {
		if k, exact := signedRankDepth(n, .95); k != want || exact < .95 {
			t.Errorf("%d values: depth %d, want %d; covers %v", n, k, want, exact)
		}
	}
	if _, exact := HodgesLehmann([]float64{1, 2, 3, 4, 5}, .95); exact >= .95 {
		t.Errorf("five values cover %v", exact)
	}
	if in, _ := HodgesLehmann(nil, .95); !math.IsNaN(in.Estimate) {
		t.Errorf("no values: %v", in)
	}
}
