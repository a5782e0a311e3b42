// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// An Interval is an estimate with a confidence interval.
type Interval struct {
	Estimate, Lo, Hi float64
	Level            float64 // 0.95
	N                int     // runs
}

// String is the interval as text: "12.3 [11.8, 12.9]", or what there is of it.
func (i Interval) String() string {
	switch {
	case math.IsNaN(i.Estimate):
		return "no value"
	case math.IsNaN(i.Lo) && i.N == 1:
		return Number(i.Estimate, 4) + " (one run)"
	case math.IsNaN(i.Lo):
		return Number(i.Estimate, 4) + " (no interval)"
	}
	return fmt.Sprintf("%s [%s, %s]", Number(i.Estimate, 4), Number(i.Lo, 4), Number(i.Hi, 4))
}

// ErrTooFew says that there are too few runs for an interval.
var ErrTooFew = errors.New("an interval over runs needs at least two")

// ErrNotPositive says that a value has no logarithm.
var ErrNotPositive = errors.New("a geometric mean needs positive, finite values")

// GeometricMean is the geometric mean over runs, with Student's interval on the
// logarithms, which assumes that these are about normal over runs (Box, Hunter
// and Hunter, Statistics for Experimenters, 2nd ed., section 3.2). It suits
// what is compared by ratio: latencies and rates.
//
// With one run the estimate is returned with NaN bounds and ErrTooFew.
func GeometricMean(values []float64, level float64) (Interval, error) {
	logs := make([]float64, len(values))
	for i, v := range values {
		if !(v > 0) || math.IsInf(v, 0) {
			return Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Level: level, N: len(values)}, fmt.Errorf("%w: value %d is %v", ErrNotPositive, i, v)
		}
		logs[i] = math.Log(v)
	}
	in, err := Mean(logs, level)
	in.Estimate, in.Lo, in.Hi = math.Exp(in.Estimate), math.Exp(in.Lo), math.Exp(in.Hi)
	return in, err
}

// Mean is the arithmetic mean over runs with Student's interval.
func Mean(values []float64, level float64) (Interval, error) {
	n := len(values)
	in := Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Level: level, N: n}
	if n == 0 {
		return in, ErrTooFew
	}
	mean, sd := stat.MeanStdDev(values, nil)
	in.Estimate = mean
	if n == 1 {
		in.Estimate = values[0]
		return in, ErrTooFew
	}
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(n - 1)}.Quantile(0.5+level/2) * sd / math.Sqrt(float64(n))
	in.Lo, in.Hi = mean-half, mean+half
	return in, nil
}
