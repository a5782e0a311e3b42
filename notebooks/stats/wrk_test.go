// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"math"
	"testing"
	"time"
)

// TestAgainstWrk compares with what wrk's own stats.c, compiled from its source,
// makes of the same 5000 latencies: one in 500 is a stall of 20 ms.
func TestAgainstWrk(t *testing.T) {
	x := uint64(12345)
	next := func() uint64 { return x >> 33 }
	ns := make([]int64, 5000)
	for i := range ns {
		x = x*6364136223846793005 + 1442695040888963407
		us := 50 + next()%100
		if i%500 == 0 {
			us = 20000 + next()%5000
		}
		ns[i] = int64(us)*1000 + 999 // cut to whole microseconds
	}
	s := NewWrkStats(ns)
	compareWrk(t, s, 5000, 144.926800, 99, 140, 149, 23264)
	if added := s.Correct(145); added != 1562 {
		t.Errorf("%d added", added)
	}
	compareWrk(t, s, 6562, 2843.133191, 116, 13404, 22194, 23718)
	if s.Max() != 24298 {
		t.Errorf("max %d", s.Max())
	}
}

func compareWrk(t *testing.T, s *WrkStats, n uint64, mean float64, p50, p90, p99, p999 uint64) {
	t.Helper()
	if s.Count() != n || math.Abs(s.Mean()-mean) > 1e-6 {
		t.Errorf("%d, mean %f; want %d, %f", s.Count(), s.Mean(), n, mean)
	}
	for p, want := range map[float64]uint64{50: p50, 90: p90, 99: p99, 99.9: p999} {
		if got := s.Percentile(p); got != want {
			t.Errorf("p%g = %d, want %d", p, got, want)
		}
	}
}

func TestWrkEdges(t *testing.T) {
	if i := WrkInterval(10*time.Second, 100000, 10); i != 1000 {
		t.Errorf("interval %d", i)
	}
	if i := WrkInterval(time.Second, 3, 10); i != 0 {
		t.Errorf("interval of fewer requests than connections: %d", i)
	}
	s := NewWrkStats(nil)
	if s.Correct(10) != 0 || s.Mean() != 0 || s.Percentile(99) != 0 {
		t.Error("nothing became something")
	}
	if s := NewWrkStats([]int64{5000}); s.Correct(0) != 0 || s.Correct(-1) != 0 {
		t.Error("no interval, but a correction")
	}
}
