// SPDX-License-Identifier: Apache-2.0

// Package omission shows what a load tool can get wrong about slow requests:
// what a closed loop leaves out, what wrk puts in, and what of a latency is the
// client's own.
package omission

import (
	"math"
	"slices"
	"time"

	"crossing/notebooks/stats"
)

// A Printed is what a tool would print of a run's latencies, in ns.
type Printed struct {
	Mean, P99 float64
	N         int // latencies, synthetic ones included
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

// Wrk is what wrk 4.1.0 prints of a closed loop's latencies, with its correction
// (stats.WrkStats).
func Wrk(latencies []int64, elapsedNs int64, connections int) Printed {
	if len(latencies) == 0 || connections < 1 {
		return Printed{Mean: math.NaN(), P99: math.NaN()}
	}
	s := stats.NewWrkStats(latencies)
	s.Correct(stats.WrkInterval(time.Duration(elapsedNs), len(latencies), connections))
	return Printed{s.Mean() * 1e3, float64(s.Percentile(99)) * 1e3, int(s.Count())}
}
