// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// TrendWindow is the length in ns of the windows over which a run's latency is
// averaged before its trend is tested.
const TrendWindow = 100e6

// FewestWindows is the number of windows that a test of the trend takes.
const FewestWindows = 8

// ErrShortSeries reports that a series is too short for a test.
var ErrShortSeries = errors.New("fewer than eight windows: too short for a test of the trend")

// MannKendall tests whether a series rises or falls (Mann, Econometrica 13(3),
// 1945). tau is Kendall's, from -1 to 1; p is two-sided, by the normal
// approximation with the variance corrected for ties and continuity. It assumes
// values independent of each other: use it on windows, not on requests.
func MannKendall(x []float64) (tau, p float64, err error) {
	n := len(x)
	if n < FewestWindows {
		return math.NaN(), math.NaN(), ErrShortSeries
	}
	s := 0.0
	for i := range x {
		for _, later := range x[i+1:] {
			s += float64(cmp.Compare(later, x[i]))
		}
	}
	m := float64(n)
	variance := m * (m - 1) * (2*m + 5)
	tied := 0.0
	sorted := slices.Sorted(slices.Values(x))
	for i := 0; i < n; {
		j := i
		for j < n && sorted[j] == sorted[i] {
			j++
		}
		t := float64(j - i)
		variance -= t * (t - 1) * (2*t + 5)
		tied += t * (t - 1) / 2
		i = j
	}
	if variance <= 0 {
		return 0, 1, nil // all equal
	}
	pairs := m * (m - 1) / 2
	tau = s / math.Sqrt(pairs*(pairs-tied))
	z := (math.Abs(s) - 1) / math.Sqrt(variance/18)
	return tau, min(1, 2*distuv.UnitNormal.Survival(z)), nil
}

// ChangePoint finds where a series' level changes (Pettitt, Applied Statistics
// 28(2), 1979): after its first at values. p is Pettitt's approximation, good
// where it is below 0.5. It assumes values independent of each other and one
// change at most.
func ChangePoint(x []float64) (at int, p float64, err error) {
	n := len(x)
	if n < FewestWindows {
		return 0, math.NaN(), ErrShortSeries
	}
	most, u := 0.0, 0.0
	for t := range n - 1 {
		// U(t) grows by how many values lie below x[t] less how many above.
		for _, v := range x {
			u += float64(cmp.Compare(x[t], v))
		}
		if math.Abs(u) > most {
			most, at = math.Abs(u), t+1
		}
	}
	m := float64(n)
	return at, min(1, 2*math.Exp(-6*most*most/(m*m*m+m*m))), nil
}

// Autocorrelation is the correlation of a series with itself lag values later,
// as statsmodels' acf. NaN where it has no variance.
func Autocorrelation(x []float64, lag int) float64 { return autocorrelations(x)(lag) }

// autocorrelations returns the autocorrelation by lag, with mean and variance
// computed once.
func autocorrelations(x []float64) func(lag int) float64 {
	mean := stat.Mean(x, nil)
	var variance float64
	for _, v := range x {
		variance += (v - mean) * (v - mean)
	}
	return func(lag int) float64 {
		var cov float64
		for i := lag; i < len(x); i++ {
			cov += (x[i] - mean) * (x[i-lag] - mean)
		}
		return cov / variance
	}
}

// EffectiveSize is how many independent values would fix the mean as well as a
// series does: n / (1 + 2 Σ ρ), the sum over pairs of lags until a pair is no
// longer positive (Geyer, Statistical Science 7(4), 1992, section 3.3). It
// assumes a stationary series. NaN where it has no variance.
func EffectiveSize(x []float64) float64 {
	rho := autocorrelations(x)
	sum := 0.0
	for lag := 0; lag+1 < len(x); lag += 2 {
		pair := rho(lag) + rho(lag+1)
		if math.IsNaN(pair) {
			return math.NaN()
		}
		if pair <= 0 {
			break
		}
		sum += pair
	}
	return float64(len(x)) / max(2*sum-1, 1/float64(len(x)))
}
