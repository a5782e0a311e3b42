// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"
)

// ErrTooFewToResample reports that there is too little to draw from.
var ErrTooFewToResample = errors.New("a bootstrap over runs needs at least two runs, each with data")

// ErrNotFinite reports that a statistic has no value.
var ErrNotFinite = errors.New("the statistic has no finite value")

// Resampling is how to draw.
type Resampling struct {
	Draws int     // 2000 is usual for an interval
	Seed  uint64  // the same seed gives the same interval
	Level float64 // 0.95
}

// BootstrapUnits draws n units with replacement, and computes the statistic of the units
// drawn, Draws times. The units are independent: runs, or blocks of the design.
//
// The interval is the percentile bootstrap's, expanded (Hesterberg, The American
// Statistician 69(4), 2015, section 4.3): with few runs the plain one is too
// narrow, by √((n−1)/n) and as far as the normal distribution's quantile is
// below Student's. With 3 units it covers about 75 % at a level of 95 %, since
// the resamples end at the units; from 6 on it covers its level.
func BootstrapUnits(n int, p Resampling, statistic func(pick []int) float64) (Interval, error) {
	in := Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Level: p.Level, N: n}
	if n < 1 || p.Draws < 1 {
		return in, ErrTooFewToResample
	}
	whole := make([]int, n)
	for i := range whole {
		whole[i] = i
	}
	in.Estimate = statistic(whole)
	if n < 2 {
		return in, ErrTooFewToResample
	}
	values := Resample(p, func(rng *rand.Rand) float64 {
		pick := make([]int, n)
		for i := range pick {
			pick[i] = rng.IntN(n)
		}
		return statistic(pick)
	})
	var err error
	in.Lo, in.Hi, err = PercentileInterval(values, n, p.Level)
	return in, err
}

// PercentileInterval is the expanded percentile interval of a statistic's values over
// resamples of n independent units; it sorts the values.
func PercentileInterval(values []float64, n int, level float64) (lo, hi float64, err error) {
	return cutTails(values, expandedTail(n, level))
}

// expandedTail is the tail to cut at each side so that a percentile interval over n
// units has the width of Student's.
func expandedTail(n int, level float64) float64 {
	t := distuv.StudentsT{Sigma: 1, Nu: float64(n - 1)}.Quantile(0.5 + level/2)
	return distuv.UnitNormal.CDF(-math.Sqrt(float64(n)/float64(n-1)) * t)
}

// cutTails cuts the tail at each side of the values.
func cutTails(values []float64, tail float64) (lo, hi float64, err error) {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return math.NaN(), math.NaN(), ErrNotFinite
		}
	}
	slices.Sort(values)
	k := int(tail * float64(len(values)+1))
	return values[max(k-1, 0)], values[min(len(values)-k, len(values)-1)], nil
}

// Resample computes a statistic p.Draws times on all cores; the value of draw i
// depends on the seed and i alone.
func Resample(p Resampling, statistic func(rng *rand.Rand) float64) []float64 {
	values := make([]float64, p.Draws)
	workers := min(runtime.GOMAXPROCS(0), p.Draws)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < p.Draws; i += workers {
				values[i] = statistic(rand.New(rand.NewPCG(p.Seed, uint64(i))))
			}
		})
	}
	wait.Wait()
	return values
}
