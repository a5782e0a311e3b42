// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// ErrTooFewBlocks says that there are too few blocks to compare in.
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

// Paired compares x to y, one pair per block, by the ratio x/y: HodgesLehmann on
// the logarithms. It assumes nothing but that the log ratios are symmetric.
func Paired(x, y []float64, level float64) (Ratio, error) {
	if len(x) != len(y) {
		return Ratio{}, fmt.Errorf("%d and %d values are no pairs", len(x), len(y))
	}
	logs := make([]float64, len(x))
	for i := range x {
		logs[i] = math.Log(x[i] / y[i])
		if math.IsNaN(logs[i]) || math.IsInf(logs[i], 0) {
			return Ratio{}, fmt.Errorf("%w: pair %d is %v and %v", ErrNotPositive, i, x[i], y[i])
		}
	}
	if len(x) < 2 {
		return Ratio{Interval: Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Level: level, N: len(x)}, P: math.NaN()}, ErrTooFewBlocks
	}
	in, exact := HodgesLehmann(logs, level)
	in.Estimate, in.Lo, in.Hi = math.Exp(in.Estimate), math.Exp(in.Lo), math.Exp(in.Hi)
	return Ratio{Interval: in, P: signedRank(logs), Exact: exact}, nil
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

// signedRankCounts are the numbers of sign assignments of the ranks 1 … n by their sum:
// the null distribution of the signed-rank statistic, times 2^n.
func signedRankCounts(n int) []float64 {
	c := make([]float64, n*(n+1)/2+1)
	c[0] = 1
	for rank := 1; rank <= n; rank++ {
		for s := len(c) - 1; s >= rank; s-- {
			c[s] += c[s-rank]
		}
	}
	return c
}

// signedRankDepth is how many Walsh averages lie outside of the interval at each end,
// and what the interval then covers exactly.
func signedRankDepth(n int, level float64) (k int, exact float64) {
	c := signedRankCounts(n)
	total := math.Exp2(float64(n))
	tail := c[0] / total
	exact = 1 - 2*tail
	for k+1 < len(c)/2 {
		next := tail + c[k+1]/total
		if 1-2*next < level {
			break
		}
		k++
		tail = next
		exact = 1 - 2*tail
	}
	return k, exact
}

// signedRank is the two-sided p of Wilcoxon's signed-rank test (1945), exact
// where no two magnitudes tie, else by the normal approximation with the
// correction for ties. Zeros are dropped, as Wilcoxon did.
func signedRank(v []float64) float64 {
	var nonzero []float64
	for _, x := range v {
		if x != 0 {
			nonzero = append(nonzero, x)
		}
	}
	n := len(nonzero)
	if n == 0 {
		return 1
	}
	slices.SortFunc(nonzero, func(a, b float64) int {
		switch d := math.Abs(a) - math.Abs(b); {
		case d < 0:
			return -1
		case d > 0:
			return 1
		}
		return 0
	})
	plus, ties := 0.0, 0.0
	for i := 0; i < n; {
		j := i
		for j < n && math.Abs(nonzero[j]) == math.Abs(nonzero[i]) {
			j++
		}
		rank := float64(i+j+1) / 2
		for _, x := range nonzero[i:j] {
			if x > 0 {
				plus += rank
			}
		}
		t := float64(j - i)
		ties += t*t*t - t
		i = j
	}
	f := float64(n)
	if ties == 0 && n <= 60 {
		c := signedRankCounts(n)
		low := min(plus, f*(f+1)/2-plus)
		p := 0.0
		for s := 0; s <= int(low); s++ {
			p += c[s]
		}
		return min(1, 2*p/math.Exp2(f))
	}
	z := (plus - f*(f+1)/4) / math.Sqrt(f*(f+1)*(2*f+1)/24-ties/48)
	return min(1, 2*distuv.UnitNormal.Survival(math.Abs(z)))
}

// Holm adjusts p-values for being the best of many (Holm 1979): rejecting
// those at most alpha keeps the chance of any false rejection at most alpha,
// whatever the dependence.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	adjusted := make([]float64, len(p))
	highest := 0.0
	for i, at := range order {
		highest = max(highest, min(1, float64(len(p)-i)*p[at]))
		adjusted[at] = highest
	}
	return adjusted
}

// Equivalent is the two one-sided tests procedure (Schuirmann 1987): it shows
// that the ratio of x to y lies within [1/(1+margin), 1+margin]. P is the
// larger of the two one-sided p-values, by Student's t on the log ratios; the
// ratio is shown to be equivalent at level alpha if P <= alpha.
func Equivalent(x, y []float64, margin float64) (p float64, err error) {
	if len(x) != len(y) || len(x) < 2 {
		return math.NaN(), ErrTooFewBlocks
	}
	logs := make([]float64, len(x))
	for i := range x {
		logs[i] = math.Log(x[i] / y[i])
	}
	in, err := Mean(logs, 0.9)
	if err != nil {
		return math.NaN(), err
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(len(x) - 1)}
	se := (in.Hi - in.Estimate) / t.Quantile(0.95)
	bound := math.Log(1 + margin)
	if se == 0 {
		if math.Abs(in.Estimate) < bound {
			return 0, nil
		}
		return 1, nil
	}
	return max(t.Survival((in.Estimate+bound)/se), t.Survival((bound-in.Estimate)/se)), nil
}
