// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Power is the power at which Detectable takes a difference as shown.
const Power = 0.8

// Detectable is the least ratio above 1 that a comparison of these blocks would
// have shown, two-sided at Alpha with the given Power: exp((t(1-Alpha/2) +
// t(Power)) s/√n), with s the standard deviation of the logarithms of the ratios
// (Cohen, Statistical Power Analysis, 2nd ed., section 2.4, with Student's t for
// the normal). It is +Inf where the exact test can show nothing, whatever the
// data: with fewer than 6 blocks its least p, 2^(1-n), exceeds Alpha.
func Detectable(logs []float64) float64 {
	n := len(logs)
	if LeastP(n) > Alpha {
		return math.Inf(1)
	}
	t := distuv.StudentsT{Sigma: 1, Nu: float64(n - 1)}
	return math.Exp((t.Quantile(1-Alpha/2) + t.Quantile(Power)) * stat.StdDev(logs, nil) / math.Sqrt(float64(n)))
}

// LeastP is the least two-sided p that an exact test by signs or signed ranks
// can give over blocks.
func LeastP(blocks int) float64 { return min(1, math.Exp2(1-float64(blocks))) }
