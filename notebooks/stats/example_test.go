// SPDX-License-Identifier: Apache-2.0

package stats_test

import (
	"fmt"
	"math"

	"crossing/notebooks/stats"
)

// Two servers are compared by the ratio of their latencies within blocks.
func ExamplePaired() {
	ours := []float64{10.3, 10.9, 11.2, 10.1, 10.7, 11.6, 11.5, 10.2}
	theirs := []float64{12.1, 11.4, 13.2, 12.7, 11.9, 12.5, 13.8, 12.2}
	r, err := stats.Paired(ours, theirs, stats.Level)
	fmt.Println(r, err)
	fmt.Printf("p %.3g, exact coverage %.3f\n", r.P, r.Exact)
	// Output:
	// 0.8663 [0.8214, 0.9272] <nil>
	// p 0.00781, exact coverage 0.961
}

// Three comparisons in six blocks: the adjusted p of the clear one is the least
// that six blocks give, however many comparisons there are.
func ExampleMaxT() {
	family := [][]float64{{1, 2, 1, 3, 2, 1.5}, {2, 1, -1, 2, 1, .5}, {.1, -.2, .3, -.1, .2, -.3}}
	for _, p := range stats.MaxT(family) {
		fmt.Printf("%.3f\n", p)
	}
	// Output:
	// 0.031
	// 0.219
	// 1.000
}

// The mean of latencies is arithmetic: a run that stalls counts in full.
func ExamplePositiveMean() {
	in, err := stats.PositiveMean([]float64{10, 12, 11, 15, 9}, stats.Level)
	fmt.Println(in, err)
	// Output: 11.4 [8.872, 14.65] <nil>
}

// A p99 needs 368 requests at least.
func ExampleQuantiles() {
	x := make([]int64, 1000)
	for i := range x {
		x[i] = int64(i + 1)
	}
	fmt.Println(stats.Quantiles(x, []float64{.5, .99}, stats.Level))
	fmt.Println(stats.Quantiles(x[:300], []float64{.99}, stats.Level)[0].Err)
	// Output:
	// [500 [469, 532] 990 [983, 997]]
	// too few requests: a bound of the interval lies beyond the sample (quantile 0.99 of 300)
}

// A curve that bends at 4 connections.
func ExampleSaturationPoint() {
	c := stats.ThroughputCurve{N: []float64{1, 2, 4, 8, 16}}
	for _, n := range c.N {
		c.X = append(c.X, 1000*math.Min(n, 4))
	}
	fmt.Println(stats.SaturationPoint(c))
	// Output: 4 <nil>
}
