// SPDX-License-Identifier: Apache-2.0

package omission

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/notebooks/analysis/runs"
)

// transcription of wrk 4.1.0's stats.c, with its table of counts.
func wrk(latencies []int64, elapsedNs int64, connections int) (mean, p99 float64, n int) {
	counts := make([]uint64, 2_000_000)
	var count, lo, hi uint64
	lo = math.MaxUint64
	for _, v := range latencies {
		us := uint64(v / 1000)
		counts[us]++
		count++
		lo, hi = min(lo, us), max(hi, us)
	}
	if complete := uint64(len(latencies)); complete/uint64(connections) > 0 {
		expected := int64(uint64(elapsedNs/1000) / (complete / uint64(connections)))
		for n := uint64(expected * 2); n <= hi && expected > 0; n++ {
			c := counts[n]
			for m := int64(n) - expected; c > 0 && m > expected; m -= expected {
				counts[m] += c
				count += c
			}
		}
	}
	sum := uint64(0)
	for us := lo; us <= hi; us++ {
		sum += us * counts[us]
	}
	rank, total := uint64(math.Round(.99*float64(count)+.5)), uint64(0)
	for us := lo; us <= hi; us++ {
		if total += counts[us]; total >= rank {
			return float64(sum) / float64(count) * 1e3, float64(us) * 1e3, int(count)
		}
	}
	return math.NaN(), math.NaN(), int(count)
}

func TestWrk(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, connections := range []int{1, 16, 64} {
		var x []int64
		elapsed := int64(0)
		for i := range 20_000 {
			v := int64(50e3 * float64(connections) * math.Exp(.3*rng.NormFloat64()))
			if i%5000 < connections {
				v += 40e6 // a stall that every connection sees
			}
			x = append(x, v)
			elapsed += v / int64(connections)
		}
		got := Wrk(x, elapsed, connections)
		mean, p99, n := wrk(x, elapsed, connections)
		if math.Abs(got.Mean/mean-1) > 1e-12 || got.P99 != p99 || got.N != n {
			t.Errorf("%d connections: %+v, wrk: %v %v %v", connections, got, mean, p99, n)
		}
		if raw := Measured(x); connections == 1 && got.P99 < 5*raw.P99 {
			t.Errorf("4 stalls in 20000 requests: p99 %v becomes %v", raw.P99, got.P99)
		}
	}
	if got := Wrk([]int64{5000}, 1e6, 64); got.N != 1 || got.P99 != 5000 {
		t.Errorf("fewer requests than connections: %+v", got)
	}
	if !math.IsNaN(Wrk(nil, 0, 1).Mean) || !math.IsNaN(Measured(nil).P99) {
		t.Error("of nothing")
	}
}

func set(t *testing.T, loop string, n, blocks int) *runs.Set {
	t.Helper()
	var all []datasettest.Run
	for block := range blocks {
		requests := make([]dataset.Request, n)
		for i := range requests {
			at := int64(i) * 100_000
			late := int64(0)
			if i%10 == 0 {
				late = 1e6
			}
			requests[i] = dataset.Request{IntendedNs: at, SentNs: at, FirstByteNs: at + 40_000 + late, LastByteNs: at + 50_000 + late, StampNs: at + 30_000 + late, Status: 200}
			if loop == "open" {
				requests[i].SentNs += late
			}
		}
		r := dataset.Run{Run: string('a' + rune(block)), Block: int32(block), Tier: "nginx", Boundary: "user", Load: "x", File: "100", Loop: loop, Connections: 1, Outcome: dataset.OK, ElapsedNs: int64(n) * 150_000}
		all = append(all, datasettest.Run{Run: r, Requests: requests})
	}
	return runs.New(datasettest.Open(t, all))
}

func TestDatasets(t *testing.T) {
	const none = "no such runs"
	for _, c := range []struct {
		name, loop, want string
		n, blocks        int
		of               func(*runs.Set) ([]Row, error)
	}{
		{"wait left out", "open", "0.0476 times", 1000, 2, func(s *runs.Set) ([]Row, error) { return Omitted(s, "100") }},
		{"no open loops", "closed", none, 1000, 2, func(s *runs.Set) ([]Row, error) { return Omitted(s, "100") }},
		{"one block", "open", "0.0476 times", 1000, 1, func(s *runs.Set) ([]Row, error) { return Omitted(s, "100") }},
		{"zero rows", "open", "too few requests", 0, 2, func(s *runs.Set) ([]Row, error) { return Omitted(s, "100") }},
		{"client's own", "closed", "1.67 times", 1000, 2, func(s *runs.Set) ([]Row, error) { return Client(s, "100") }},
		{"wrk", "closed", "nginx's at x", 1000, 2, func(s *runs.Set) ([]Row, error) { return Corrected(s, "100", 1) }},
		{"a load that is not there", "closed", none, 1000, 2, func(s *runs.Set) ([]Row, error) { return Corrected(s, "100", 64) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := set(t, c.loop, c.n, c.blocks)
			rows, err := c.of(s)
			if err != nil {
				t.Fatal(err)
			}
			if a := Answer(rows, "It", none).String(); !strings.Contains(a, c.want) {
				t.Errorf("%q lacks %q", a, c.want)
			}
			if _, err := Figure(s, "t", "x", rows, none).PNG(); err != nil {
				t.Error(err)
			}
			Table(rows, "a", "b")
		})
	}
}
