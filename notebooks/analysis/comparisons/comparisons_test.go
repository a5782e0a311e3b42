// SPDX-License-Identifier: Apache-2.0

package comparisons

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/notebooks/analysis/paperfigures"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/analysis/saturation"
	"crossing/notebooks/analysis/tail"
	"crossing/notebooks/stats"
)

// made makes one with the given tiers' mean latencies and blocks.
func made(t *testing.T, means map[string]float64, blocks int, spoil func(*dataset.Run)) *runs.Set {
	t.Helper()
	var all []datasettest.Run
	rng := rand.New(rand.NewPCG(1, 2)) // one of the 95 % of draws that an interval covers; calibrate counts them
	for block := range blocks {
		disturbed := math.Exp(0.5 * rng.NormFloat64())
		// In one order: the draws, and so the test, are the same each time.
		for _, tier := range slices.Sorted(maps.Keys(means)) {
			mean := means[tier]
			for _, c := range []int32{1, 4, 16, 64} {
				r := dataset.Run{Run: fmt.Sprintf("b%02d-%s-c%d", block, tier, c), Block: int32(block), Tier: tier, Boundary: "user", Load: "c" + string('0'+rune(c%10)), File: "100", Loop: "closed", Connections: c, Outcome: dataset.OK}
				r.Load = map[int32]string{1: "c1", 4: "c4", 16: "c16", 64: "c64"}[c]
				r.MeanNs = mean * disturbed * math.Exp(0.02*rng.NormFloat64()) * float64(c)
				r.P90Ns = int64(r.MeanNs)
				r.Throughput = float64(c) / r.MeanNs * 1e9
				r.ElapsedNs, r.Requests = 1e9, 1e5
				if spoil != nil {
					spoil(&r)
				}
				all = append(all, datasettest.Run{Run: r})
			}
		}
	}
	return runs.New(datasettest.Open(t, all))
}

func TestKnownEffect(t *testing.T) {
	s := made(t, map[string]float64{"gohttp": 100e3, "gopoll": 50e3, "gopoll-spin": 50e3}, 12, nil)
	results := Test(s, Factors, "100", 1, runs.Mean)
	if len(results) != 2 {
		t.Fatalf("%d factors, the dataset has two", len(results))
	}
	code, spin := results[0], results[1]
	if math.Abs(code.Estimate-0.5) > 0.03 || code.Hi >= 1 || code.Adjusted > 0.05 {
		t.Errorf("halved: %+v", code)
	}
	if spin.Lo > 1 || spin.Hi < 1 {
		t.Errorf("no effect: %+v", spin)
	}
	if a := Answer(results, 1).String(); !strings.Contains(a, "of 2 factors, 1 lower") {
		t.Error(a)
	}
}

// TestBadDatasets: what cannot be computed is said, in figure and text, and
// nothing panics.
func TestBadDatasets(t *testing.T) {
	means := map[string]float64{"gohttp": 100e3, "gopoll": 50e3}
	for _, c := range []struct {
		name   string
		means  map[string]float64
		blocks int
		spoil  func(*dataset.Run)
		want   string
	}{
		{"one block", means, 1, nil, "at least two blocks"},
		{"a tier missing", map[string]float64{"gohttp": 1e5}, 3, nil, "nothing to draw"},
		{"a cell missing", means, 3, func(r *dataset.Run) {
			if r.Tier == "gopoll" && r.Connections == 1 {
				r.Outcome, r.Error = dataset.Failed, "on purpose"
			}
		}, ""},
		{"all equal", means, 3, func(r *dataset.Run) { r.MeanNs, r.Throughput = 5, 5 }, ""},
		{"zero", means, 3, func(r *dataset.Run) { r.MeanNs, r.Throughput = 0, 0 }, "positive, finite"},
		{"all rejected", means, 3, func(r *dataset.Run) { r.Outcome = dataset.Rejected }, "nothing to draw"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := made(t, c.means, c.blocks, c.spoil)
			results := Test(s, Factors, "100", 1, runs.Mean)
			f := Figure(s, "t", "x", results)
			if !strings.Contains(f.Text, c.want) {
				t.Errorf("the figure's text is %q, want %q in it", f.Text, c.want)
			}
			var b bytes.Buffer
			for _, q := range []paperfigures.Quantity{paperfigures.Mean, paperfigures.P90, paperfigures.Throughput} {
				png, err := paperfigures.Figure(s, q, "100").PNG()
				if err != nil {
					t.Error(err)
				}
				b.Write(png)
				paperfigures.Table(s, q, "100")
				paperfigures.Answer(s, q, "100", 64)
			}
			saturation.Table(saturation.Find(s, "100"))
			if _, err := saturation.Figure(s, "100").PNG(); err != nil {
				t.Error(err)
			}
			groups, err := tail.Groups(s, "100")
			if err != nil {
				t.Error(err)
			}
			if a := tail.Answer(groups).String(); !strings.Contains(a, "no traced runs") {
				t.Error(a)
			}
			s.Overview()
			s.Trust()
		})
	}
}

func TestStanding(t *testing.T) {
	result := func(from string, lo, hi float64) Result {
		return Result{Factor: Factor{"your server", from, "mine"}, Ratio: stats.Ratio{Interval: stats.Interval{Lo: lo, Hi: hi}}}
	}
	bad := result("flask", 0.1, 0.2)
	bad.Err = errors.New("no runs")
	for _, c := range []struct {
		results []Result
		want    string
	}{
		{nil, "At 16 connections the dataset has nothing to compare mine with."},
		{[]Result{result("apache", 0.5, 0.9), result("dpdk", 1.2, 3), result("nginx", 0.9, 1.1), bad},
			"At 16 connections the mean latency of mine is lower than that of apache, higher than that of dpdk, not distinguishable from that of nginx, flask (by their own intervals; the table has the p adjusted for their number)."},
	} {
		if got := Stand(c.results, "mine", 16).String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
