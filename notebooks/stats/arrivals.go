// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"math"
	"slices"
)

// AndersonDarling tests whether gaps between arrivals are exponential with the
// given rate (in 1/unit of the gaps), which is known and not estimated from
// them. It returns the statistic A² and the probability of one at least as
// large. The test weighs both tails: bunched arrivals and missing ones.
//
// The distribution of A² for a fully specified hypothesis is the limiting one
// (Marsaglia and Marsaglia, "Evaluating the Anderson-Darling distribution",
// Journal of Statistical Software 9(2), 2004), which holds to three digits from
// eight gaps on. Gaps that are not positive count as the smallest positive one.
func AndersonDarling(gaps []float64, rate float64) (a2, p float64) {
	n := len(gaps)
	if n == 0 || !(rate > 0) {
		return math.NaN(), math.NaN()
	}
	x := slices.Clone(gaps)
	slices.Sort(x)
	var sum float64
	for i := range x {
		// log F(x) and log(1 − F(x)) of the exponential, without cancellation.
		low := math.Log(-math.Expm1(-max(x[i]*rate, math.SmallestNonzeroFloat64)))
		high := -x[n-1-i] * rate
		sum += float64(2*i+1) * (low + high)
	}
	a2 = -float64(n) - sum/float64(n)
	return a2, 1 - adInf(a2)
}

// adInf is the limiting distribution function of A².
func adInf(z float64) float64 {
	switch {
	case math.IsNaN(z):
		return math.NaN()
	case z <= 0:
		return 0
	case z < 2:
		return math.Exp(-1.2337141/z) / math.Sqrt(z) *
			(2.00012 + (.247105-(.0649821-(.0347962-(.011672-.00168691*z)*z)*z)*z)*z)
	}
	return math.Exp(-math.Exp(1.0776 - (2.30695-(.43424-(.082433-(.008056-.0003146*z)*z)*z)*z)*z))
}
