// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// madeSeries is what notebooks/values.py calls series.
func madeSeries(n int, phi float64, seed int64, add func(i int) float64) []float64 {
	out := make([]float64, n)
	x := 0.0
	for i := range out {
		seed = (seed*1103515245 + 12345) % (1 << 31)
		x = phi*x + float64(seed)/(1<<31) - 0.5
		out[i] = x + add(i)
	}
	return out
}

// TestSeriesAgainstSciPy compares with scipy and statsmodels: notebooks/values.py.
func TestSeriesAgainstSciPy(t *testing.T) {
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-8 {
			t.Errorf("%s: %.9f, want %.9f", what, got, want)
		}
	}
	for _, c := range []struct {
		n                       int
		phi, tau, p, acf1, acf5 float64
	}{
		{20, 0, 0.031578947, 0.871131492, 0.199706438, 0.157936740},
		{20, 0.5, 0.021052632, 0.922462067, 0.569831645, -0.095078104},
		{50, 0, 0.258775510, 0.008210345, 0.220993657, 0.079548656},
		{50, 0.5, 0.275102041, 0.004945042, 0.588073492, -0.009120598},
		{200, 0, 0.502914573, 0, 0.537664710, 0.435426325},
		{200, 0.5, 0.445226131, 0, 0.732002061, 0.299341353},
	} {
		x := madeSeries(c.n, c.phi, 3, func(i int) float64 { return float64(i) * 0.005 })
		tau, p, err := MannKendall(x)
		if err != nil {
			t.Fatal(err)
		}
		near("tau", tau, c.tau)
		near("p", p, c.p)
		near("acf(1)", Autocorrelation(x, 1), c.acf1)
		near("acf(5)", Autocorrelation(x, 5), c.acf5)
	}
	for _, c := range []struct {
		n, at int
		p     float64
	}{{50, 20, 0.000332779886}, {200, 60, 4.16035832e-16}} {
		x := madeSeries(c.n, 0, 5, func(i int) float64 {
			if i >= c.at {
				return .6
			}
			return 0
		})
		at, p, err := ChangePoint(x)
		if at != c.at || math.Abs(p/c.p-1) > 1e-6 || err != nil {
			t.Errorf("change point: after %d, p %v, %v; want %d, %v", at, p, err, c.at, c.p)
		}
	}
}

// TestEffectiveSize: of an AR(1) series it is n (1-φ)/(1+φ).
// TestTauWithTies: twelve values with four groups of ties. The p is that of
// Kendall's normal approximation with the variance corrected for ties.
func TestTauWithTies(t *testing.T) {
	tau, _, err := MannKendall([]float64{1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "tau-b", tau, 0.92932, 1e-5) // scipy.stats.kendalltau
	tau, p, err := MannKendall([]float64{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "tau-b", tau, 0.5449820181420517, 1e-12)
	near(t, "p", p, 0.006863794985449032, 1e-12)
}

func TestEffectiveSize(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, phi := range []float64{0, .5, .9} {
		const n = 20_000
		x := make([]float64, n)
		for i := 1; i < n; i++ {
			x[i] = phi*x[i-1] + rng.NormFloat64()
		}
		if got, want := EffectiveSize(x), n*(1-phi)/(1+phi); math.Abs(got/want-1) > .2 {
			t.Errorf("φ=%v: %.0f, want about %.0f", phi, got, want)
		}
	}
}

func TestSeriesBadInput(t *testing.T) {
	if _, _, err := MannKendall([]float64{1, 2}); !errors.Is(err, ErrShortSeries) {
		t.Error(err)
	}
	if _, _, err := ChangePoint(nil); !errors.Is(err, ErrShortSeries) {
		t.Error(err)
	}
	same := make([]float64, 20)
	if _, p, err := MannKendall(same); p != 1 || err != nil {
		t.Errorf("all equal: p %v, %v", p, err)
	}
	if _, p, err := ChangePoint(same); p != 1 || err != nil {
		t.Errorf("all equal: p %v, %v", p, err)
	}
	if !math.IsNaN(EffectiveSize(same)) {
		t.Error("an effective size without variance")
	}
}
