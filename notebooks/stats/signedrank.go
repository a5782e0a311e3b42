// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"cmp"
	"math"
	"slices"
)

// SignedRank is the two-sided p of Wilcoxon's signed-rank test (Biometrics
// Bulletin 1(6), 1945) that the values are symmetric about 0. It is exact with
// ties, too: equal magnitudes share their mean rank, and the null distribution
// is over all assignments of signs to those ranks. Zeros are dropped, as Wilcoxon
// did. It is 1 where no value is left.
func SignedRank(v []float64) float64 {
	nonzero := slices.DeleteFunc(slices.Clone(v), func(x float64) bool { return x == 0 })
	slices.SortFunc(nonzero, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	// Twice the mean ranks, which are whole numbers.
	ranks := make([]int, len(nonzero))
	positive := 0
	for i := 0; i < len(nonzero); {
		j := i
		for j < len(nonzero) && math.Abs(nonzero[j]) == math.Abs(nonzero[i]) {
			j++
		}
		for k := i; k < j; k++ {
			if ranks[k] = i + 1 + j; nonzero[k] > 0 {
				positive += ranks[k]
			}
		}
		i = j
	}
	chance := rankSums(ranks)
	low := min(positive, len(chance)-1-positive) // the distribution is symmetric
	p := 0.0
	for _, c := range chance[:low+1] {
		p += c
	}
	return min(1, 2*p)
}

// rankSums is the distribution of the sum of those ranks that get a positive
// sign, where each does with probability 1/2: element s is the chance of sum s.
func rankSums(ranks []int) []float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	chance := make([]float64, total+1)
	chance[0] = 1
	reached := 0
	for _, r := range ranks {
		reached += r
		for s := reached; s >= 0; s-- {
			chance[s] /= 2
			if s >= r {
				chance[s] += chance[s-r] / 2
			}
		}
	}
	return chance
}

// signedRankDepth is how many Walsh averages lie outside of the interval at each
// end, and what the interval then covers exactly.
func signedRankDepth(n int, level float64) (depth int, exact float64) {
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	chance := rankSums(ranks)
	tail := chance[0]
	for depth+1 < len(chance)/2 && 1-2*(tail+chance[depth+1]) >= level {
		depth++
		tail += chance[depth]
	}
	return depth, 1 - 2*tail
}
