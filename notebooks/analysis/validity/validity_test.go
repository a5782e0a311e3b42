// SPDX-License-Identifier: Apache-2.0

package validity_test

import (
	"fmt"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/notebooks/analysis/distributions"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/analysis/validity"
)

// set makes runs of two seconds; drift is how much slower each request is than
// the one before, in ns.
func set(t *testing.T, blocks, n int, drift float64, spoil func(*dataset.Run)) *runs.Set {
	t.Helper()
	var all []datasettest.Run
	for block := range int32(blocks) {
		for _, tier := range []string{"nginx", "dpdk"} {
			requests := make([]dataset.Request, n)
			for i := range requests {
				requests[i] = datasettest.Answered(int64(i)*1e6, 50_000+int64(i*7919%1000)+int64(drift*float64(i)))
			}
			r := dataset.Run{Run: fmt.Sprint(tier, block), Block: block, Tier: tier, Boundary: "user", Load: "c1", File: "100", Loop: "closed", Connections: 1, Outcome: dataset.OK,
				ElapsedNs: 2e9, Occupancy: .99, NullRate: 5000, Throughput: 1000, JitterP99: 3000, JitterMax: 90_000, Steal: 1e6, Marks: "steal"}
			if spoil != nil {
				spoil(&r)
			}
			all = append(all, datasettest.Run{Run: r, Requests: requests})
		}
	}
	return runs.New(datasettest.Open(t, all))
}

// TestDatasets: what is sound is said to be, what drifts is found, and what
// cannot be computed is said.
func TestDatasets(t *testing.T) {
	for _, c := range []struct {
		name         string
		blocks, n    int
		drift        float64
		spoil        func(*dataset.Run)
		valid, curve string
	}{
		{"steady", 2, 2000, 0, nil, "of 4 runs tested 0 have a trend", "heaviest tail"},
		{"drifting", 2, 2000, 20, nil, "of 4 runs tested 4 have a trend", "heaviest tail"},
		{"one block", 1, 2000, 0, nil, "2 runs are usable", "heaviest tail"},
		{"short", 2, 150, 0, nil, "too short", "No tier has enough"},
		{"zero rows", 2, 0, 0, nil, "too short", "No tier has enough"},
		{"all rejected", 2, 100, 0, func(r *dataset.Run) { r.Outcome = dataset.Rejected }, "No usable run", "No tier has enough"},
		{"a tier missing at the load", 2, 2000, 0, func(r *dataset.Run) {
			if r.Tier == "dpdk" {
				r.Outcome, r.Error = dataset.Rejected, "on purpose"
			}
		}, "2 were excluded", "heaviest tail is nginx's"},
		{"nothing measured beside", 2, 2000, 0, func(r *dataset.Run) { r.JitterP99, r.JitterMax, r.Steal, r.NullRate = 0, 0, 0, 0 }, "4 runs are usable", "heaviest tail"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := set(t, c.blocks, c.n, c.drift, c.spoil)
			tiers, err := validity.Tiers(s)
			if err != nil {
				t.Fatal(err)
			}
			if a := validity.Answer(tiers).String(); !strings.Contains(a, c.valid) {
				t.Errorf("%q lacks %q", a, c.valid)
			}
			validity.Table(tiers)
			curves, err := distributions.Curves(s, "100", 1)
			if err != nil {
				t.Fatal(err)
			}
			if a := distributions.Answer(curves).String(); !strings.Contains(a, c.curve) {
				t.Errorf("%q lacks %q", a, c.curve)
			}
			distributions.Table(curves)
			for _, f := range []interface{ PNG() ([]byte, error) }{validity.Noise(s), distributions.CCDF(s, curves, 1), distributions.HDR(s, curves, 1)} {
				if _, err := f.PNG(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
