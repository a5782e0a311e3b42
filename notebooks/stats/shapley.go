// SPDX-License-Identifier: Apache-2.0

package stats

import "math/bits"

// Shapley divides value(all) − value(none) among k factors: each gets the mean,
// over all orders in which the factors may be switched on, of what switching it
// on adds (Shapley, A Value for n-Person Games, 1953). value takes the set of
// factors that are on, factor i as bit i, and is called 2^k times. The shares
// sum to the difference exactly, interactions included, and are in value's unit.
func Shapley(k int, value func(on uint) float64) []float64 {
	v := make([]float64, 1<<k)
	for on := range v {
		v[on] = value(uint(on))
	}
	// weight[s] is the chance that exactly s given factors come before another.
	weight := make([]float64, k)
	for s := range weight {
		weight[s] = 1 / float64(k)
		for i := 1; i <= s; i++ { // divided by k-1 over s
			weight[s] *= float64(i) / float64(k-i)
		}
	}
	shares := make([]float64, k)
	for i := range shares {
		for on := range v {
			if on>>i&1 == 0 {
				shares[i] += weight[bits.OnesCount(uint(on))] * (v[on|1<<i] - v[on])
			}
		}
	}
	return shares
}
