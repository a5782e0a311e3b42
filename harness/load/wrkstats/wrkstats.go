// Package wrkstats does to our rows what wrk does to its own before it prints
// them, so that the two can stand side by side.
//
// wrk 4 records each latency in whole microseconds, and then "corrects" them for
// coordinated omission (stats_correct in src/stats.c, called at the end of main).
// It takes as the expected interval I between two requests of one connection the
// running time divided by the requests per connection; that is, in a closed loop,
// the mean latency. For every latency n ≥ 2 I it adds synthetic ones: n − I,
// n − 2 I, … as long as they are greater than I. They stand for the requests that
// would have come during the stall if users arrived every I whether answered or
// not.
//
// Mean, deviation and percentiles that wrk prints are of this mixture; requests
// per second and the number of requests are not. A stall of s seconds that c
// connections see adds c·s/I latencies with a mean of s/2, and can raise a p99
// several hundred times. Only the maximum stays what was measured.
//
// wrk2 does without this: it measures from the intended time, as our open loop
// does.
package wrkstats

import (
	"math"
	"time"
)

// A Stats is wrk's table of latencies. All values are in microseconds.
type Stats struct {
	count map[uint64]uint64 // how often each latency occurred
	total uint64
	min   uint64
	max   uint64
}

// New fills a table as wrk does: latencies in ns, cut to whole microseconds.
func New(latencies []int64) *Stats {
	s := &Stats{count: map[uint64]uint64{}, min: math.MaxUint64}
	for _, ns := range latencies {
		us := uint64(max(ns, 0)) / 1000
		s.count[us]++
		s.total++
		s.min, s.max = min(s.min, us), max(s.max, us)
	}
	return s
}

// Interval is what wrk takes for the expected interval of one connection, in
// microseconds; 0, no correction, if there were fewer requests than connections.
func Interval(running time.Duration, requests, connections int) int64 {
	if connections < 1 || requests/connections == 0 {
		return 0
	}
	return running.Microseconds() / int64(requests/connections)
}

// Correct adds the synthetic latencies of stats_correct. It returns how many.
func (s *Stats) Correct(interval int64) (added uint64) {
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
func (s *Stats) Count() uint64 { return s.total }

// Mean is stats_mean.
func (s *Stats) Mean() float64 {
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
func (s *Stats) Percentile(p float64) uint64 {
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
func (s *Stats) Max() uint64 { return s.max }
