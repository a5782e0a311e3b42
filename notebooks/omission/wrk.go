// Package omission shows what a load tool can get wrong about slow requests:
// what a closed loop leaves out, what wrk puts in, and what of a latency is the
// client's own.
package omission

import (
	"math"
	"slices"
)

// A Printed is what a tool would print of a run's latencies, in ns.
type Printed struct {
	Mean, P99 float64
	N         int // latencies, made-up ones included
}

// Measured is the mean and the 99th percentile of latencies in ns, by nearest
// rank.
func Measured(latencies []int64) Printed {
	if len(latencies) == 0 {
		return Printed{Mean: math.NaN(), P99: math.NaN()}
	}
	sorted := slices.Sorted(slices.Values(latencies))
	sum := 0.0
	for _, v := range sorted {
		sum += float64(v)
	}
	rank := int(math.Ceil(.99 * float64(len(sorted)) * (1 - 1e-9)))
	return Printed{sum / float64(len(sorted)), float64(sorted[rank-1]), len(sorted)}
}

// Wrk is what wrk 4.1.0 prints of a closed loop's latencies (stats_correct,
// stats_mean and stats_percentile of its src/stats.c, called from src/wrk.c).
//
// It takes as the expected interval of one connection the running time divided
// by the requests per connection, which in a closed loop is about the mean
// latency, and adds to every latency of twice that or more a made-up one each
// interval shorter, down to the interval. A stall that all connections see thus
// counts many times.
func Wrk(latencies []int64, elapsedNs int64, connections int) Printed {
	if len(latencies) == 0 || connections < 1 {
		return Printed{Mean: math.NaN(), P99: math.NaN()}
	}
	us := make([]int64, 0, len(latencies))
	for _, ns := range latencies {
		us = append(us, max(ns, 0)/1000)
	}
	if each := int64(len(us) / connections); each > 0 {
		if expected := elapsedNs / 1000 / each; expected > 0 {
			for _, n := range us[:len(us):len(us)] {
				for m := n - expected; n >= 2*expected && m > expected; m -= expected {
					us = append(us, m)
				}
			}
		}
	}
	slices.Sort(us)
	sum := 0.0
	for _, v := range us {
		sum += float64(v)
	}
	rank := min(int(math.Round(.99*float64(len(us))+.5)), len(us))
	return Printed{sum / float64(len(us)) * 1e3, float64(us[rank-1]) * 1e3, len(us)}
}
