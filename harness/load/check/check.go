// Package check holds the few statistics that a load generator needs while it
// works: do arrivals follow their schedule, was the run steady, how much is a
// sample worth, are there runs enough.
//
// Each agrees with SciPy to the digits that the tests demand.
package check

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
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

// MannKendall tests a series for a monotonic trend, such as a server that grows
// slower while it is measured. It returns Kendall's tau with time (τ-a: −1 falls
// always, 1 rises always) and the two-sided probability of one at least as far
// from 0 if there is none, by the normal approximation with correction for ties
// and continuity (Kendall, Rank Correlation Methods, 1975). It takes n²/2 steps:
// give it the means or medians of windows, not requests.
func MannKendall(x []float64) (tau, p float64) {
	n := len(x)
	if n < 3 {
		return 0, 1
	}
	s := 0
	for i := range x {
		for _, later := range x[i+1:] {
			switch {
			case later > x[i]:
				s++
			case later < x[i]:
				s--
			}
		}
	}
	variance := float64(n * (n - 1) * (2*n + 5))
	sorted := slices.Sorted(slices.Values(x))
	for i := 0; i < n; {
		j := i
		for j < n && sorted[j] == sorted[i] {
			j++
		}
		t := j - i
		variance -= float64(t * (t - 1) * (2*t + 5))
		i = j
	}
	tau = float64(s) / (float64(n) * float64(n-1) / 2)
	if variance <= 0 {
		return tau, 1
	}
	z := max(0, math.Abs(float64(s))-1) / math.Sqrt(variance/18)
	return tau, 2 * distuv.UnitNormal.Survival(z)
}

// EffectiveSamples is how many independent values would tell the mean as
// precisely as these, which depend on each other: n / (1 + 2 Σ ρ(k)), the sum
// taken over pairs of lags while a pair is positive (Geyer's initial positive
// sequence, Statistical Science 7, 1992). It also returns ρ(1).
func EffectiveSamples(x []float64) (n, lag1 float64) {
	if len(x) < 4 {
		return float64(len(x)), 0
	}
	mean := stat.Mean(x, nil)
	var c0 float64
	for _, v := range x {
		c0 += (v - mean) * (v - mean)
	}
	if c0 == 0 {
		return float64(len(x)), 0
	}
	rho := func(k int) float64 {
		var c float64
		for i := range len(x) - k {
			c += (x[i] - mean) * (x[i+k] - mean)
		}
		return c / c0
	}
	lag1 = rho(1)
	sum := -1.0 // Σ over pairs counts ρ(0) once too often
	for k := 0; k+1 < len(x); k += 2 {
		pair := rho(k) + rho(k+1)
		if pair <= 0 {
			break
		}
		sum += 2 * pair
	}
	return min(float64(len(x)), float64(len(x))/max(sum, 1e-9)), lag1
}

// MeanInterval is Student's interval for the mean of independent values, such as
// one figure from each of several runs. With fewer than two it is infinite.
func MeanInterval(x []float64, confidence float64) (mean, low, high float64) {
	mean = stat.Mean(x, nil)
	if len(x) < 2 {
		return mean, math.Inf(-1), math.Inf(1)
	}
	t := distuv.StudentsT{Sigma: 1, Nu: float64(len(x) - 1)}.Quantile((1 + confidence) / 2)
	half := t * stat.StdDev(x, nil) / math.Sqrt(float64(len(x)))
	return mean, mean - half, mean + half
}

// HodgesLehmann estimates the centre of a symmetric distribution, such as that
// of the logarithm of a ratio, by the median of all means of pairs, with the
// interval that the exact signed-rank distribution gives (Hollander, Wolfe and
// Chicken, Nonparametric Statistical Methods, section 3.2–3.3). One outlier does not
// move it. The interval is infinite where n is too small for the confidence.
func HodgesLehmann(x []float64, confidence float64) (centre, low, high float64) {
	var walsh []float64
	for i := range x {
		for _, y := range x[i:] {
			walsh = append(walsh, (x[i]+y)/2)
		}
	}
	slices.Sort(walsh)
	m := len(walsh)
	if m == 0 {
		return math.NaN(), math.Inf(-1), math.Inf(1)
	}
	centre = (walsh[(m-1)/2] + walsh[m/2]) / 2
	cut := signedRankCut(len(x), (1-confidence)/2)
	if cut == 0 {
		return centre, math.Inf(-1), math.Inf(1)
	}
	return centre, walsh[cut-1], walsh[m-cut]
}

// signedRankCut is the largest k such that the signed-rank statistic of n values
// is less than k with at most the given probability.
func signedRankCut(n int, tail float64) int {
	p := make([]float64, n*(n+1)/2+1) // probability of each sum of ranks
	p[0] = 1
	for rank := 1; rank <= n; rank++ {
		for s := len(p) - 1; s >= 0; s-- {
			p[s] /= 2
			if s >= rank {
				p[s] += p[s-rank] / 2
			}
		}
	}
	k, sum := 0, 0.0
	for ; k < len(p); k++ {
		if sum += p[k]; sum > tail {
			break
		}
	}
	return k
}
