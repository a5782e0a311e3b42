// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
)

// ErrNoBound reports that a sample is too small for an interval about a quantile
// so far out: a bound of the interval would lie beyond the sample.
var ErrNoBound = errors.New("too few requests: a bound of the interval lies beyond the sample")

// ErrQuantile reports that a quantile or a level is not between 0 and 1.
var ErrQuantile = errors.New("quantiles and levels lie between 0 and 1, both excluded")

// An QuantileEstimate is a quantile with its interval, in the sample's unit.
type QuantileEstimate struct {
	Q             float64 // 0.99
	Value, Lo, Hi int64   // meaningless where Err is set
	N             int     // size of the sample
	Err           error   // why there is none
}

// String is the estimate as text.
func (e QuantileEstimate) String() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return fmt.Sprintf("%d [%d, %d]", e.Value, e.Lo, e.Hi)
}

// Rank is the place, from 1, of the quantile q in a sorted sample of n.
func Rank(n int, q float64) int {
	// q·n may lie just above a whole number that it equals in the decimal system.
	return min(max(int(math.Ceil(q*float64(n)-1e-9*float64(n)*q)), 1), n)
}

// QuantileBounds are the places, from 1, of the two order statistics between which the
// quantile q lies with a probability of level or more, whatever continuous
// distribution the sample is from, if its values are independent (David and
// Nagaraja, Order Statistics, 3rd ed., section 7.1; binomial tails, each at
// most half of 1 − level). Requests of one run are not independent: over runs,
// BootstrapUnits has the interval.
func QuantileBounds(n int, q, level float64) (lo, hi int, err error) {
	if !(q > 0 && q < 1 && level > 0 && level < 1) {
		return 0, 0, ErrQuantile
	}
	tail := (1 - level) / 2
	// below(k) is the probability of at most k values below the quantile.
	below := func(k int) float64 {
		switch {
		case k < 0:
			return 0
		case k >= n:
			return 1
		}
		return mathext.RegIncBeta(float64(n-k), float64(k+1), 1-q)
	}
	lo = lastRank(n, func(r int) bool { return below(r-1) <= tail })
	hi = n + 1 - lastRank(n, func(r int) bool { return 1-below(n-r) <= tail })
	if lo < 1 || hi > n {
		return lo, hi, fmt.Errorf("%w (quantile %v of %d)", ErrNoBound, q, n)
	}
	return lo, hi, nil
}

// lastRank is the largest r of 1 … n for which holds is true, 0 if for none; holds
// must be true up to some r and false after.
func lastRank(n int, holds func(r int) bool) int {
	lo, hi := 0, n+1
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; holds(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// Quantiles computes the quantiles qs of x with intervals of level. x keeps its order.
// No quantile is given whose interval lacks a bound.
func Quantiles(x []int64, qs []float64, level float64) []QuantileEstimate {
	all := make([]QuantileEstimate, len(qs))
	var ranks []int
	for i, q := range qs {
		e := &all[i]
		e.Q, e.N = q, len(x)
		lo, hi, err := QuantileBounds(len(x), q, level)
		if e.Err = err; err == nil {
			ranks = append(ranks, lo, Rank(len(x), q), hi)
		}
	}
	values := Select(x, ranks)
	for i := range all {
		if e := &all[i]; e.Err == nil {
			e.Lo, e.Value, e.Hi = values[0], values[1], values[2]
			values = values[3:]
		}
	}
	return all
}
