// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// enumerated is the number of blocks up to which MaxT takes every assignment of
// signs; with more it draws as many as that number of blocks has.
const enumerated = 16

// MaxT adjusts a family of comparisons for their number: values[i][b] is
// comparison i in block b, such as the logarithm of a ratio, and NaN where the
// block lacks it. The p are two-sided. Rejecting those at most alpha keeps the
// chance of any false rejection at most alpha, whatever the dependence between
// the comparisons.
//
// It is the step-down max-T procedure (Westfall and Young, Resampling-Based
// Multiple Testing, 1993, section 2.6), over the assignments of signs to whole
// blocks: where the blocks are independent and a block's values jointly
// symmetric about 0, all assignments are equally likely, so the p are exact. The
// least p is 2^(1-blocks) however many comparisons there are; Holm's adjustment
// of signed-rank tests can reject nothing where that times their number exceeds
// alpha.
func MaxT(values [][]float64) (adjusted []float64) {
	adjusted = make([]float64, len(values))
	if len(values) == 0 {
		return adjusted
	}
	blocks := len(values[0])
	scale := make([]float64, len(values)) // root of the sum of squares, which no sign changes
	for i, v := range values {
		for _, x := range v {
			if !math.IsNaN(x) {
				scale[i] += x * x
			}
		}
		scale[i] = math.Sqrt(scale[i])
	}
	// |sum| / scale grows with |t| of Student's test, and has a value where all
	// blocks are alike.
	statistic := func(i int, negative uint64) float64 {
		if scale[i] == 0 {
			return 0
		}
		sum := 0.0
		for b, x := range values[i] {
			switch {
			case math.IsNaN(x):
			case negative>>b&1 == 1:
				sum -= x
			default:
				sum += x
			}
		}
		return math.Abs(sum) / scale[i]
	}
	order := make([]int, len(values))
	observed := make([]float64, len(values))
	for i := range order {
		order[i], observed[i] = i, statistic(i, 0)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case observed[a] > observed[b]:
			return -1
		case observed[a] < observed[b]:
			return 1
		}
		return 0
	})
	// reached[k] counts the assignments whose greatest statistic over order[k:]
	// is at least the observed one of order[k].
	const rounding = 1e-9
	reached := make([]int, len(values))
	assignments := eachAssignment(blocks, func(negative uint64) {
		greatest := 0.0
		for k := len(order) - 1; k >= 0; k-- {
			greatest = max(greatest, statistic(order[k], negative))
			if greatest >= observed[order[k]]*(1-rounding) {
				reached[k]++
			}
		}
	})
	highest := 0.0
	for k, i := range order {
		highest = max(highest, float64(reached[k])/float64(assignments))
		adjusted[i] = highest
	}
	return adjusted
}

// MaxTByBlock is MaxT of comparisons by block.
func MaxTByBlock(family []Blocks) (adjusted []float64) {
	all := map[int32]bool{}
	for _, c := range family {
		for block := range c {
			all[block] = true
		}
	}
	blocks := slices.Sorted(maps.Keys(all))
	values := make([][]float64, len(family))
	for i, c := range family {
		for _, block := range blocks {
			v, ok := c[block]
			if !ok {
				v = math.NaN()
			}
			values[i] = append(values[i], v)
		}
	}
	return MaxT(values)
}

// eachAssignment calls use with assignments of signs to blocks, a bit for each,
// and returns their number. The last block's sign is fixed: turning all signs
// over changes no magnitude.
func eachAssignment(blocks int, use func(negative uint64)) (n int) {
	if blocks <= enumerated {
		n = 1 << max(blocks-1, 0)
		for negative := range uint64(n) {
			use(negative)
		}
		return n
	}
	n = 1 << (enumerated - 1)
	rng := rand.New(rand.NewPCG(1, uint64(blocks)))
	use(0) // the observed one belongs to them
	for range n - 1 {
		use(rng.Uint64() >> 1)
	}
	return n
}
