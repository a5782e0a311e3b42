// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"math"
	"time"
)

// A WrkStats is wrk's table of latencies. All values are in microseconds.
type WrkStats struct {
	count map[uint64]uint64 // how often each latency occurred
	total uint64
	min   uint64
	max   uint64
}

// NewWrkStats fills a table as wrk does: latencies in ns, cut to whole microseconds.
func NewWrkStats(latencies []int64) *WrkStats {
	s := &WrkStats{count: map[uint64]uint64{}, min: math.MaxUint64}
	for _, ns := range latencies {
		us := uint64(max(ns, 0)) / 1000
		s.count[us]++
		s.total++
		s.min, s.max = min(s.min, us), max(s.max, us)
	}
	return s
}

// WrkInterval is what wrk takes for the expected interval of one connection, in
// microseconds; 0, no correction, if there were fewer requests than connections.
func WrkInterval(running time.Duration, requests, connections int) int64 {
	if connections < 1 || requests/connections == 0 {
		return 0
	}
	return running.Microseconds() / int64(requests/connections)
}

// Correct adds the synthetic latencies of stats_correct. It returns how many.
func (s *WrkStats) Correct(interval int64) (added uint64) {
	if interval <= 0 || s.total == 0 {
		return 0
	}
	step := uint64(interval)
	for n := 2 * step; n <= s.max; n++ {
		count := s.count[n]
		if count == 0 {
			continue
		}
		for m := n - step; m > step; m -= step {
			s.count[m] += count
			added += count
		}
	}
	s.total += added
	return added
}

// Count is the number of latencies, synthetic ones included.
func (s *WrkStats) Count() uint64 { return s.total }

// Mean is stats_mean.
func (s *WrkStats) Mean() float64 {
	if s.total == 0 {
		return 0
	}
	var sum uint64
	for us, n := range s.count {
		sum += us * n
	}
	return float64(sum) / float64(s.total)
}

// Percentile is stats_percentile: p of 0 to 100.
func (s *WrkStats) Percentile(p float64) uint64 {
	rank := uint64(math.Round(p/100*float64(s.total) + .5))
	var total uint64
	for us := s.min; us <= s.max && s.total > 0; us++ {
		if total += s.count[us]; total >= rank {
			return us
		}
	}
	return 0
}

// Max is the largest latency.
func (s *WrkStats) Max() uint64 { return s.max }
