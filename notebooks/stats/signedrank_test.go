// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"math"
	"testing"
)

// The exact values are scipy's: permutation_test over all assignments of signs
// (permutation_type='samples') to the mid-ranks of what is not zero; see
// values.py. scipy's wilcoxon and R's wilcox.test approximate here.
func TestSignedRankWithTiesAndZeros(t *testing.T) {
	log2 := math.Ln2
	for _, c := range []struct {
		name string
		x    []float64
		want float64
	}{
		{"four alike", []float64{log2, log2, log2, log2}, 0.125},
		{"a tie", []float64{1, 1, 2, 3, 4}, 0.0625},
		{"six alike", []float64{1, 1, 1, 1, 1, 1}, 0.03125},
		{"ties of both signs", []float64{1, 2, 2, -1, 3, 4, -2}, 0.203125},
		{"zeros", []float64{0, 0, 1, 2, 2, -1, 3, 4}, 0.09375},
		{"ten values", []float64{0.5, -0.5, 1, 1, 1, 2, 2, 3, -3, 4}, 0.078125},
		{"no tie", []float64{1, 2, 3, 4, 5, 6, 7, -1.5}, 0.0234375},
		{"zeros alone", []float64{0, 0, 0, 0}, 1},
	} {
		near(t, c.name, SignedRank(c.x), c.want, 1e-12)
	}
}

// TestSignedRankOfMany: the counts do not overflow where 2^n would.
func TestSignedRankOfMany(t *testing.T) {
	x := make([]float64, 1100)
	for i := range x {
		x[i] = float64(i%7) - 3
	}
	if p := SignedRank(x); !(p > 0 && p <= 1) {
		t.Errorf("p %v", p)
	}
}
