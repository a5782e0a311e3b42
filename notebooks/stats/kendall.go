// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"cmp"
	"errors"
	"math"
)

// ErrConstant reports that a correlation with a constant has no value.
var ErrConstant = errors.New("a correlation with a constant has no value")

// Kendall is the rank correlation tau-b of pairs (Kendall, Biometrika 33(3),
// 1945), which allows for ties. Where all values of x or of y are equal it is NaN
// and the error ErrConstant.
func Kendall(x, y []float64) (tau float64, err error) {
	var sum, pairsX, pairsY float64 // concordant less discordant pairs, and those without a tie
	for i := range x {
		for j := range i {
			a, b := cmp.Compare(x[i], x[j]), cmp.Compare(y[i], y[j])
			sum += float64(a * b)
			pairsX += float64(a * a)
			pairsY += float64(b * b)
		}
	}
	if pairsX == 0 || pairsY == 0 {
		return math.NaN(), ErrConstant
	}
	return sum / math.Sqrt(pairsX*pairsY), nil
}
