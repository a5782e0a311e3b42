// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"math"
	"strconv"
)

// Number is a value to a number of significant digits, as people write it: without
// an exponent where that needs no more than seven digits before the point or
// three zeros after it.
func Number(v float64, digits int) string {
	short := strconv.FormatFloat(v, 'g', digits, 64)
	rounded, err := strconv.ParseFloat(short, 64)
	if size := math.Abs(rounded); err != nil || size != 0 && size < 1e-4 || size >= 1e7 || math.IsNaN(v) {
		return short
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
