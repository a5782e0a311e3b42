// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// TestCoverage is the command's short form: with 200 draws the share itself
// varies by 3 % to either side.
func TestCoverage(t *testing.T) {
	for _, m := range Methods {
		t.Run(m.Name+", "+m.Data, func(t *testing.T) {
			share, err := Coverage(m, 200)
			if err != nil {
				t.Fatal(err)
			}
			if wrong := strings.Contains(m.Name, "wrong"); !wrong && share < .9 || wrong && share > .8 {
				t.Errorf("covers %.3f", share)
			}
		})
	}
}

func TestPlantedCauseIsRankedFirst(t *testing.T) {
	if share, err := RankedFirst(50); err != nil || share < 1 {
		t.Errorf("in %.2f of the draws (%v)", share, err)
	}
}
