// SPDX-License-Identifier: Apache-2.0

package distributions

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/notebooks/analysis/runs"
)

// set makes runs of n requests whose latencies are step, 2·step … n·step µs.
func set(t *testing.T, n, blocks int, steps map[string]int64) *runs.Set {
	t.Helper()
	var all []datasettest.Run
	for tier, step := range steps {
		for b := range blocks {
			requests := make([]dataset.Request, n)
			for i := range requests {
				// 7919 is prime: each latency once, in no order.
				requests[i] = datasettest.Answered(int64(i)*1e6, step*1000*int64(1+i*7919%n))
			}
			r := dataset.Run{Run: fmt.Sprint(tier, b), Block: int32(b), Tier: tier, Boundary: "user", Load: "c16", File: "100", Loop: "closed", Connections: 16, Outcome: dataset.OK}
			all = append(all, datasettest.Run{Run: r, Requests: requests})
		}
	}
	return runs.New(datasettest.Open(t, all))
}

// TestKnownQuantiles: of the whole numbers to n, a share q is at most q·n.
func TestKnownQuantiles(t *testing.T) {
	curves, err := Curves(set(t, 10_000, 3, map[string]int64{"a": 1, "b": 5}), "100", 16)
	if err != nil || len(curves) != 2 {
		t.Fatal(curves, err)
	}
	for i, step := range []float64{1, 5} {
		c := curves[i]
		if c.Runs != 3 || len(c.Points) < 9 {
			t.Errorf("%+v", c)
		}
		for _, p := range c.Points {
			// All runs are the same, so each interval is a point.
			if want := step * (1 - p.Tail) * 10_000; math.Abs(p.Value/want-1) > 1e-3 || math.Abs(p.Lo/p.Value-1) > 1e-9 || math.Abs(p.Hi/p.Value-1) > 1e-9 {
				t.Errorf("%s: %+v, want %v", c.Tier.Name, p, want)
			}
		}
	}
	if got := Answer(curves).String(); !strings.Contains(got, "1.98 times") {
		t.Error(got)
	}
	header, rows := Table(curves)
	if len(rows) != 2 || len(rows[0]) != len(header) || !strings.HasPrefix(rows[1][2], "25000 [") {
		t.Errorf("%v %v", header, rows)
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	few := set(t, 100, 1, map[string]int64{"a": 1})
	curves, err := Curves(few, "100", 16)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range curves[0].Points {
		if p.Tail < .02 || !math.IsNaN(p.Lo) {
			t.Errorf("one run of 100 requests gives %+v", p)
		}
	}
	if _, rows := Table(curves); rows[0][4] != "too few requests" || !strings.Contains(rows[0][2], "one run") {
		t.Error(rows)
	}
	if got := Answer(curves).String(); got != "No tier has enough requests for a p99." {
		t.Error(got)
	}
	none, err := Curves(few, "100", 64)
	if err != nil || none[0].Err == nil {
		t.Fatal(none, err)
	}
	if f := HDR(few, none, 64); !strings.Contains(f.Text, "a: no run with 100 requests at 64 connections") {
		t.Error(f.Text)
	}
	if f := CCDF(few, none, 64); !strings.Contains(f.Text, "nothing to draw") {
		t.Error(f.Text)
	}
}
