// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"testing"
)

// TestCoverage is the command's short form: each method covers what it is
// documented to. With 200 draws the share itself varies by 3 % to either side,
// and more where it is not near 1.
func TestCoverage(t *testing.T) {
	const draws = 200
	for _, m := range Methods {
		t.Run(m.Name+", "+m.Data, func(t *testing.T) {
			share, err := Coverage(m, draws)
			if err != nil {
				t.Fatal(err)
			}
			chance := 2.6 * math.Sqrt(.25*max(1-math.Abs(2*share-1), .07)/draws)
			if share < m.Covers.lo-chance || share > m.Covers.hi+chance {
				t.Errorf("covers %.3f, documented %v", share, m.Covers)
			}
		})
	}
}

func TestPlantedCauseIsRankedFirst(t *testing.T) {
	if share, err := RankedFirst(50); err != nil || share < 1 {
		t.Errorf("in %.2f of the draws (%v)", share, err)
	}
}
