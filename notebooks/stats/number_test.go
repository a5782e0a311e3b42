// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"math"
	"testing"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v      float64
		digits int
		want   string
	}{
		{12.3456, 4, "12.35"},
		{16004, 3, "16000"},
		{99995, 4, "100000"}, // one more digit by rounding
		{9999999, 3, "1e+07"},
		{12345678, 4, "1.235e+07"},
		{0.00012345, 3, "0.000123"},
		{0.000012345, 3, "1.23e-05"},
		{-2780, 2, "-2800"},
		{1, 4, "1"},
		{0, 4, "0"},
		{math.NaN(), 4, "NaN"},
		{math.Inf(1), 4, "+Inf"},
	} {
		if got := Number(c.v, c.digits); got != c.want {
			t.Errorf("Number(%v, %d) = %q, want %q", c.v, c.digits, got, c.want)
		}
	}
}
