package check

import (
	"math"
	"math/rand/v2"
	"testing"
)

func near(t *testing.T, what string, got, want, margin float64) {
	t.Helper()
	if math.Abs(got-want) > margin || math.IsNaN(got) {
		t.Errorf("%s = %.10g, want %.10g", what, got, want)
	}
}

var gaps = []float64{0.11, 0.53, 0.02, 1.7, 0.31, 0.9, 0.07, 0.44, 0.25, 2.6, 0.61, 0.18}

// The values that SciPy 1.10 and NumPy give for the same data.
func TestAgainstSciPy(t *testing.T) {
	a2, _ := AndersonDarling(gaps, 1.5)
	near(t, "A²", a2, 0.3119071478391504, 1e-12)

	digits := []float64{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9}
	tau, p := MannKendall(digits)
	near(t, "tau", tau, 0.5238095238095238, 1e-12)
	near(t, "p", p, 0.006863794985449032, 1e-12)

	mean, low, high := MeanInterval(digits, .95)
	near(t, "mean", mean, 5.133333333333334, 1e-12)
	near(t, "low", low, 3.5688683906841536, 1e-9)
	near(t, "high", high, 6.697798275982514, 1e-9)

	centre, low, high := HodgesLehmann(gaps, .95)
	near(t, "centre", centre, .45, 1e-12)
	near(t, "low", low, .18, 1e-12)
	near(t, "high", high, 1.3, 1e-12)
	for n, want := range map[int]int{5: 0, 6: 1, 10: 9, 12: 14, 20: 53} {
		if got := signedRankCut(n, .025); got != want {
			t.Errorf("cut of %d values: %d, want %d", n, got, want)
		}
	}
}

// The percentage points of A² in Stephens, "EDF statistics for goodness of fit",
// JASA 69, 1974, table 1.
func TestAndersonDarlingPoints(t *testing.T) {
	for a2, p := range map[float64]float64{1.610: .15, 1.933: .10, 2.492: .05, 3.070: .025, 3.857: .01} {
		near(t, "p", 1-adInf(a2), p, .0025)
	}
}

// TestLevel draws series for which the hypothesis holds, and counts how often
// the tests reject at 5 %.
func TestLevel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rounds = 2000
	var ad, mk int
	for range rounds {
		x := make([]float64, 60)
		for i := range x {
			x[i] = r.ExpFloat64() / 250
		}
		if _, p := AndersonDarling(x, 250); p < .05 {
			ad++
		}
		if _, p := MannKendall(x); p < .05 {
			mk++
		}
	}
	near(t, "Anderson-Darling rejects", float64(ad)/rounds, .05, .015)
	near(t, "Mann-Kendall rejects", float64(mk)/rounds, .05, .015)
}

// TestPower shows that what must be found is found.
func TestPower(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	bunched, fixed, drift := make([]float64, 500), make([]float64, 500), make([]float64, 100)
	for i := range bunched {
		fixed[i] = 1
		if i%2 == 0 {
			bunched[i] = 2 * r.ExpFloat64()
		}
	}
	for i := range drift {
		drift[i] = float64(i)/100 + r.NormFloat64()
	}
	if _, p := AndersonDarling(bunched, 1); p > 1e-4 {
		t.Errorf("arrivals in pairs: p = %g", p)
	}
	if _, p := AndersonDarling(fixed, 1); p > 1e-4 {
		t.Errorf("even arrivals: p = %g", p)
	}
	if tau, p := MannKendall(drift); p > .05 || tau < 0 {
		t.Errorf("a drift of one standard deviation: tau %g, p %g", tau, p)
	}
}

// TestEffectiveSamples uses a process whose answer is known: AR(1) has
// n (1 − φ) / (1 + φ) effective samples.
func TestEffectiveSamples(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const n = 20000
	for _, phi := range []float64{0, .5, .9} {
		x := make([]float64, n)
		for i := 1; i < n; i++ {
			x[i] = phi*x[i-1] + r.NormFloat64()
		}
		got, lag1 := EffectiveSamples(x)
		want := n * (1 - phi) / (1 + phi)
		near(t, "effective samples", got/want, 1, .2)
		near(t, "lag 1", lag1, phi, .03)
	}
	if got, _ := EffectiveSamples([]float64{1, 1, 1, 1, 1}); got != 5 {
		t.Errorf("a constant: %g", got)
	}
}

func TestTooLittle(t *testing.T) {
	if _, p := AndersonDarling(nil, 1); !math.IsNaN(p) {
		t.Error("a test of nothing")
	}
	if _, p := MannKendall([]float64{1, 2}); p != 1 {
		t.Error("a trend of two values")
	}
	if _, p := MannKendall([]float64{1, 1, 1, 1}); p != 1 {
		t.Error("a trend of a constant")
	}
	if _, low, high := MeanInterval([]float64{3}, .95); !math.IsInf(low, -1) || !math.IsInf(high, 1) {
		t.Error("an interval from one run")
	}
	if _, low, _ := HodgesLehmann([]float64{1, 2, 3, 4, 5}, .95); !math.IsInf(low, -1) {
		t.Error("95 % from five values")
	}
}
