// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// ErrTooFewBlocks reports that there are too few blocks to compare in.
var ErrTooFewBlocks = errors.New("comparing takes at least two blocks in which both tiers have a usable run")

// A Ratio is the ratio of one tier to another over blocks.
type Ratio struct {
	Interval         // Hodges–Lehmann estimate with its interval
	P        float64 // of the two-sided signed-rank test that the ratio is 1
	Exact    float64 // coverage of the interval: discrete, so at least the level where blocks allow
}

// HodgesLehmann is the centre of a symmetric distribution, such as that of the
// logarithm of a ratio: the median of all pairwise means (Walsh averages; Hodges
// and Lehmann, Annals of Mathematical Statistics 34(2), 1963). One outlier does
// not move it. The interval inverts Wilcoxon's signed-rank test, exactly
// (Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, section 3.3).
//
// With fewer than 6 values no such interval reaches 95 %; then the widest that
// there is, is returned. exact is the coverage of the interval.
func HodgesLehmann(x []float64, level float64) (in Interval, exact float64) {
	in = Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Level: level, N: len(x)}
	if len(x) == 0 {
		return in, 0
	}
	walsh := walshAverages(x)
	in.Estimate = sortedMedian(walsh)
	if len(x) < 2 {
		return in, 0
	}
	k, exact := signedRankDepth(len(x), level)
	in.Lo, in.Hi = walsh[k], walsh[len(walsh)-1-k]
	return in, exact
}

// Blocks are logarithms of ratios, by block.
type Blocks map[int32]float64

// LogRatios are the logarithms of x/y in the blocks that have both.
func LogRatios(x, y map[int32]float64) (Blocks, error) {
	logs := Blocks{}
	for block, v := range x {
		w, ok := y[block]
		if !ok {
			continue
		}
		if !(v > 0) || !(w > 0) || math.IsInf(v+w, 0) {
			return nil, fmt.Errorf("%w: block %d has %v and %v", ErrNotPositive, block, v, w)
		}
		logs[block] = math.Log(v / w)
	}
	return logs, nil
}

// Logs are the values in the order of the blocks.
func (b Blocks) Logs() []float64 {
	var logs []float64
	for _, block := range slices.Sorted(maps.Keys(b)) {
		logs = append(logs, b[block])
	}
	return logs
}

// Ratio is the HodgesLehmann estimate of the ratio. It assumes nothing but that
// the logarithms are symmetric. It is no estimate of the ratio of the
// expectations: stalls of one tier in a seventh of the blocks do not move it.
func (b Blocks) Ratio(level float64) (Ratio, error) {
	logs := b.Logs()
	if len(logs) < 2 {
		return Ratio{Interval: Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Level: level, N: len(logs)}, P: math.NaN()}, ErrTooFewBlocks
	}
	in, exact := HodgesLehmann(logs, level)
	in.Estimate, in.Lo, in.Hi = math.Exp(in.Estimate), math.Exp(in.Lo), math.Exp(in.Hi)
	return Ratio{Interval: in, P: SignedRank(logs), Exact: exact}, nil
}

// Paired compares x to y, one pair per block, by the ratio x/y: Blocks.Ratio.
func Paired(x, y []float64, level float64) (Ratio, error) {
	if len(x) != len(y) {
		return Ratio{}, fmt.Errorf("%d and %d values are no pairs", len(x), len(y))
	}
	a, b := map[int32]float64{}, map[int32]float64{}
	for i := range x {
		a[int32(i)], b[int32(i)] = x[i], y[i]
	}
	logs, err := LogRatios(a, b)
	if err != nil {
		return Ratio{}, err
	}
	return logs.Ratio(level)
}

// walshAverages are the n(n+1)/2 Walsh averages, sorted.
func walshAverages(v []float64) []float64 {
	var all []float64
	for i := range v {
		for j := i; j < len(v); j++ {
			all = append(all, (v[i]+v[j])/2)
		}
	}
	slices.Sort(all)
	return all
}

func sortedMedian(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// Equivalent is the two one-sided tests procedure (Schuirmann 1987): it shows
// that the ratio lies within [1/(1+margin), 1+margin]. P is the larger of the two
// one-sided p-values, by Student's t on the log ratios; the ratio is shown to be
// equivalent at level alpha if P <= alpha.
func (b Blocks) Equivalent(margin float64) (p float64, err error) {
	logs := b.Logs()
	if len(logs) < 2 {
		return math.NaN(), ErrTooFewBlocks
	}
	mean, sd := stat.MeanStdDev(logs, nil)
	bound := math.Log(1 + margin)
	if sd == 0 {
		if math.Abs(mean) < bound {
			return 0, nil
		}
		return 1, nil
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(len(logs) - 1)}
	se := sd / math.Sqrt(float64(len(logs)))
	return max(t.Survival((mean+bound)/se), t.Survival((bound-mean)/se)), nil
}
