// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"math"
	"slices"
	"testing"

	"crossing/data/dataset"
	"crossing/notebooks/stats"
)

// deviating are the released runs whose summary is not that of their rows: it
// lacks requests that were sent after the end of the measured interval.
var deviating = []string{
	"vm-mystery b00-close-m0-c8-100",
	"vm-mystery b00-m0r0s0n0l0c1-1000mips-c8-100",
	"vm-mystery b00-m0r1s0n1l1c0-c64-100",
	"vm-mystery b01-close-m0-c8-100",
	"vm-mystery b02-close-m0-c1-100",
	"vm-mystery b02-m0r0s1n0l1c1-c64-100",
}

// TestReleasedSummariesAreThoseOfTheRows computes mean, quantiles and maximum of
// every released run from its rows.
func TestReleasedSummariesAreThoseOfTheRows(t *testing.T) {
	sets, err := Released("../../../data")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	var buf []int64
	for name, s := range sets {
		all := s.Runs()
		for i := range all {
			r := &all[i]
			if r.Outcome == dataset.Failed {
				continue
			}
			if buf, err = s.Latencies(r, dataset.Response, buf[:0]); err != nil {
				t.Fatal(err)
			}
			if !sameSummary(r, buf) {
				found = append(found, name+" "+r.Run)
			}
		}
	}
	slices.Sort(found)
	if !slices.Equal(found, deviating) {
		t.Errorf("summaries that are not those of the rows: %q, want %q", found, deviating)
	}
}

func sameSummary(r *dataset.Run, latencies []int64) bool {
	n := len(latencies)
	if int64(n) != r.Requests || n == 0 {
		return int64(n) == r.Requests
	}
	sum := 0.0
	for _, v := range latencies {
		sum += float64(v)
	}
	ranks := []int{stats.Rank(n, .5), stats.Rank(n, .9), stats.Rank(n, .99), n}
	return math.Abs(sum/float64(n)/r.MeanNs-1) < 1e-9 &&
		slices.Equal(stats.Select(latencies, ranks), []int64{r.P50Ns, r.P90Ns, r.P99Ns, r.MaxNs})
}
