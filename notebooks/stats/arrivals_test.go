// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The value that SciPy 1.10 gives for the same data.
func TestAndersonDarlingAgainstSciPy(t *testing.T) {
	gaps := []float64{0.11, 0.53, 0.02, 1.7, 0.31, 0.9, 0.07, 0.44, 0.25, 2.6, 0.61, 0.18}
	a2, _ := AndersonDarling(gaps, 1.5)
	near(t, "A²", a2, 0.3119071478391504, 1e-12)
}

// The percentage points of A² in Stephens, "EDF statistics for goodness of fit",
// JASA 69, 1974, table 1.
func TestAndersonDarlingPoints(t *testing.T) {
	for a2, p := range map[float64]float64{1.610: .15, 1.933: .10, 2.492: .05, 3.070: .025, 3.857: .01} {
		near(t, "p", 1-adInf(a2), p, .0025)
	}
}

// TestLevels draws series for which the hypothesis holds, and counts how often
// the tests reject at 5 %.
func TestLevels(t *testing.T) {
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
		if _, p, err := MannKendall(x); err != nil || p < .05 {
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
	if tau, p, err := MannKendall(drift); err != nil || p > .05 || tau < 0 {
		t.Errorf("a drift of one standard deviation: tau %g, p %g, %v", tau, p, err)
	}
	if _, p := AndersonDarling(nil, 1); !math.IsNaN(p) {
		t.Error("a test of no gaps has a p")
	}
}
