// SPDX-License-Identifier: Apache-2.0

package paperfigures

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// set makes tiers with the given mean latencies in µs at one connection, one
// for each block; with more connections as many times as much.
func set(t *testing.T, means map[string][]float64, connections ...int32) *runs.Set {
	t.Helper()
	var all []datasettest.Run
	for tier, blocks := range means {
		for b, mean := range blocks {
			for _, c := range connections {
				ns := mean * 1e3 * float64(c)
				r := dataset.Run{Run: fmt.Sprint(tier, b, c), Block: int32(b), Tier: tier, Boundary: "user", Load: fmt.Sprintf("c%d", c), File: "100", Loop: "closed", Connections: c,
					Outcome: dataset.OK, MeanNs: ns, P90Ns: int64(2 * ns), Throughput: float64(c) / ns * 1e9, ElapsedNs: 1e9, Requests: 1e5}
				all = append(all, datasettest.Run{Run: r})
			}
		}
	}
	return runs.New(datasettest.Open(t, all))
}

func TestKnownValues(t *testing.T) {
	s := set(t, map[string][]float64{"a": {10, 40}, "b": {30, 30}}, 1, 4)
	for _, c := range []struct {
		q    Quantity
		want [4]float64 // a at 1 and 4, b at 1 and 4: arithmetic means, and totals
	}{
		{Mean, [4]float64{25, 100, 30, 120}},
		{P90, [4]float64{50, 200, 60, 240}},
		{Throughput, [4]float64{62.5e3, 62.5e3, 1e9 / 30e3, 1e9 / 30e3}},
	} {
		for i, cell := range Cells(s, c.q, "100") {
			if math.Abs(cell.Estimate/c.want[i]-1) > 1e-6 || cell.N != 2 || cell.Err != nil || cell.Lo > cell.Estimate || cell.Hi < cell.Estimate {
				t.Errorf("%s: %+v, want %v", c.q.Name, cell, c.want[i])
			}
		}
	}
	header, rows := Table(s, Mean, "100")
	if len(rows) != 2 || len(rows[0]) != len(header) || !strings.HasPrefix(rows[1][2], "30 [30, 30]") {
		t.Errorf("%v %v", header, rows)
	}
}

func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		name  string
		means map[string][]float64
		want  string
	}{
		{"clear", map[string][]float64{"a": {10, 10.1, 9.9}, "b": {30, 30.1, 29.9}}, "At 1 connection the lowest mean latency is a's and the highest is b's, 3 times as high; their intervals do not overlap."},
		{"not clear", map[string][]float64{"a": {10, 40}, "b": {30, 31}}, "but their intervals overlap."},
		{"one block", map[string][]float64{"a": {10}, "b": {30}}, "there are too few runs for an interval."},
		{"one tier", map[string][]float64{"a": {10, 11}}, "At 1 connection fewer than two tiers have a mean latency."},
	} {
		if got := Answer(set(t, c.means, 1), Mean, "100", 1).String(); !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	one := set(t, map[string][]float64{"a": {10}, "b": {20}}, 1, 4)
	if _, rows := Table(one, Mean, "100"); !strings.Contains(rows[0][2], "one run") {
		t.Error(rows)
	}
	if f := Figure(one, Mean, "100"); !strings.Contains(f.Text, "a: 2 points have no interval (too few runs)") {
		t.Error(f.Text)
	}
	if _, rows := Table(one, Mean, "none"); !strings.Contains(rows[0][2], "not measured") {
		t.Error(rows)
	}
	if f := Figure(one, Mean, "none"); !strings.Contains(f.Text, "nothing to draw") {
		t.Error(f.Text)
	}
}

// TestNoQuantileOfFewRequests: a run of fifteen requests has no p90, and the cell
// is not the mean of the others, which are the ones that were not disturbed.
func TestNoQuantileOfFewRequests(t *testing.T) {
	s := set(t, map[string][]float64{"a": {10, 12, 11}}, 1)
	s.Runs()[1].Requests = 15
	if c := Cells(s, P90, "100")[0]; !errors.Is(c.Err, stats.ErrNoBound) || !math.IsNaN(c.Estimate) {
		t.Errorf("%+v", c)
	}
	if c := Cells(s, Mean, "100")[0]; c.Err != nil || c.Estimate != 11 {
		t.Errorf("%+v", c)
	}
	if f := Figure(s, P90, "100"); !strings.Contains(f.Text, "a at 1: a run has too few requests") {
		t.Error(f.Text)
	}
}

// TestRateIsOfTotals: a run of twice the length counts twice.
func TestRateIsOfTotals(t *testing.T) {
	s := set(t, map[string][]float64{"a": {10, 40}}, 1)
	s.Runs()[0].ElapsedNs = 3e9
	if c := Cells(s, Throughput, "100")[0]; math.Abs(c.Estimate-(3*100e3+25e3)/4) > 1e-6 {
		t.Errorf("%+v", c)
	}
}
