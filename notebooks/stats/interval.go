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

// ErrTooFew reports that there are too few runs for an interval.
var ErrTooFew = errors.New("an interval over runs needs at least two")

// ErrNotPositive reports that a value has no logarithm.
var ErrNotPositive = errors.New("a mean of latencies or ratios needs positive, finite values")

// GeometricMean is the geometric mean over runs, with Student's interval on the
// logarithms, which assumes that these are about normal over runs (Box, Hunter
// and Hunter, Statistics for Experimenters, 2nd ed., section 3.2). It is for
// ratios; the mean of latencies is PositiveMean's and that of rates
// RatioOfTotals' (Hoefler and Belli, SC 2015, rules 3 and 4).
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

// PositiveMean is the arithmetic mean over runs of what is positive: latencies.
// Its interval is Student's for the mean's logarithm, by the delta method
// (Cox and Hinkley, Theoretical Statistics, 1974, section 9.2), so that it is
// positive, too. It assumes that the mean is about log-normal over repetitions.
// No interval holds what the runs at hand do not show: where one run in seven
// takes 8 times as long, that of 6 runs covers the mean in about 60 % of the
// cases and that of 10 in 80 %; of runs as heavy-tailed as Pareto 1.2, 50 %.
//
// With one run the estimate is returned with NaN bounds and ErrTooFew.
func PositiveMean(values []float64, level float64) (Interval, error) {
	for i, v := range values {
		if !(v > 0) || math.IsInf(v, 0) {
			return Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Level: level, N: len(values)}, fmt.Errorf("%w: value %d is %v", ErrNotPositive, i, v)
		}
	}
	in, err := Mean(values, level)
	if err == nil {
		in.relative((in.Hi - in.Estimate) / in.Estimate)
	}
	return in, err
}

// relative makes the interval one from estimate/exp(half) to estimate·exp(half).
func (i *Interval) relative(half float64) {
	i.Lo, i.Hi = i.Estimate*math.Exp(-half), i.Estimate*math.Exp(half)
}

// RatioOfTotals is Σy/Σx over runs, such as answers over time, with the interval
// of the ratio estimator (Cochran, Sampling Techniques, 3rd ed., section 6.4) for
// its logarithm. A rate is a total over a total: the mean of the runs' rates
// would weigh a second of a short run more than one of a long run.
//
// With one run the estimate is returned with NaN bounds and ErrTooFew.
func RatioOfTotals(y, x []float64, level float64) (Interval, error) {
	n := len(y)
	in := Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Level: level, N: n}
	if n == 0 || len(x) != n {
		return in, ErrTooFew
	}
	var sumX, sumY float64
	for i := range y {
		if !(y[i] > 0) || !(x[i] > 0) || math.IsInf(y[i]+x[i], 0) {
			return in, fmt.Errorf("%w: run %d has %v and %v", ErrNotPositive, i, y[i], x[i])
		}
		sumX, sumY = sumX+x[i], sumY+y[i]
	}
	in.Estimate = sumY / sumX
	if n == 1 {
		return in, ErrTooFew
	}
	squares := 0.0
	for i := range y {
		d := y[i] - in.Estimate*x[i]
		squares += d * d
	}
	m := float64(n)
	in.relative(student(n-1, level) * math.Sqrt(m/(m-1)*squares) / sumY)
	return in, nil
}

// student is the quantile of Student's t that bounds an interval of the level.
func student(freedom int, level float64) float64 {
	return distuv.StudentsT{Sigma: 1, Nu: float64(freedom)}.Quantile(0.5 + level/2)
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
	half := student(n-1, level) * sd / math.Sqrt(float64(n))
	in.Lo, in.Hi = mean-half, mean+half
	return in, nil
}
