// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"math"
	"testing"
)

// Compared against scipy 1.10.1:
//
//	from scipy import stats; import numpy as np
//	x = np.array([...]); stats.t.interval(0.95, len(x)-1, x.mean(), stats.sem(x))
func TestMeanAgainstScipy(t *testing.T) {
	for _, c := range []struct {
		values           []float64
		level            float64
		estimate, lo, hi float64
	}{
		{[]float64{10, 12, 11, 15, 9}, 0.95, 11.4, 8.541474809012973, 14.258525190987028},
		{[]float64{1, 3}, 0.95, 2, -10.706204736432095, 14.706204736432095},
		{[]float64{5.1, 4.9, 5.0, 5.2, 4.8, 5.05}, 0.99, 5.008333333333334, 4.773124992625811, 5.2435416740408565},
	} {
		in, err := Mean(c.values, c.level)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range [][2]float64{{in.Estimate, c.estimate}, {in.Lo, c.lo}, {in.Hi, c.hi}} {
			if math.Abs(v[0]-v[1]) > 1e-6 {
				t.Errorf("%v: %v, scipy has %v", c.values, in, c)
				break
			}
		}
	}
}

func TestMeanWithoutInterval(t *testing.T) {
	if in, err := Mean([]float64{7}, .95); !errors.Is(err, ErrTooFew) || in.Estimate != 7 || !math.IsNaN(in.Lo) {
		t.Errorf("one run: %v, %v", in, err)
	}
	if _, err := Mean(nil, .95); !errors.Is(err, ErrTooFew) {
		t.Errorf("no run: %v", err)
	}
	for _, v := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := GeometricMean([]float64{1, v}, .95); !errors.Is(err, ErrNotPositive) {
			t.Errorf("%v: %v", v, err)
		}
	}
	if in, err := GeometricMean([]float64{4, 4, 4}, .95); err != nil || math.Abs(in.Lo-4) > 1e-9 || math.Abs(in.Hi-4) > 1e-9 {
		t.Errorf("all equal: %v, %v", in, err)
	}
}

// Compared against numpy and scipy (values.py).
func TestPositiveMeanAgainstScipy(t *testing.T) {
	in, err := PositiveMean([]float64{10, 12, 11, 15, 9}, .95)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mean", in.Estimate, 11.4, 1e-12)
	near(t, "low", in.Lo, 8.871691983538836, 1e-9)
	near(t, "high", in.Hi, 14.648840406219799, 1e-9)
	// Where one run stalls, the geometric mean would be a third of it.
	if in, _ = PositiveMean([]float64{1, 1, 1, 1, 1, 95}, .95); in.Estimate != 100./6 || in.Lo <= 0 {
		t.Errorf("with a stall: %v", in)
	}
	for _, bad := range [][]float64{{1, 0}, {1, math.NaN()}, {1, math.Inf(1)}} {
		if _, err := PositiveMean(bad, .95); !errors.Is(err, ErrNotPositive) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// Compared against numpy and scipy (values.py).
func TestRatioOfTotalsAgainstScipy(t *testing.T) {
	in, err := RatioOfTotals([]float64{100, 220, 80, 410}, []float64{1, 2, 1, 4}, .95)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "rate", in.Estimate, 101.25, 1e-12)
	near(t, "low", in.Lo, 89.16897436185424, 1e-9)
	near(t, "high", in.Hi, 114.96781894561676, 1e-9)
	if in, err := RatioOfTotals([]float64{5}, []float64{2}, .95); in.Estimate != 2.5 || !errors.Is(err, ErrTooFew) {
		t.Errorf("one run: %v, %v", in, err)
	}
}
