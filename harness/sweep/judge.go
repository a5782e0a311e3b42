// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"strings"

	"crossing/data/dataset"
)

// Bounds of the checks that need more than the client's rows.
const (
	leastCeiling = 2    // times the tier's rate that the client must be able to reach
	mostSteal    = 0.01 // of the run, by the hypervisor
	mostFailures = 0.01 // of the requests
)

// judge adds the marks that follow from the whole row.
func judge(r *dataset.Run) {
	mark := func(m string) { r.Marks = strings.TrimSpace(r.Marks + " " + m) }
	if r.NullRate > 0 && r.Loop == "closed" && r.NullRate < leastCeiling*r.Throughput {
		mark("client-bound")
	}
	if float64(r.Steal) > mostSteal*float64(r.WarmUpNs+r.ElapsedNs) {
		mark("steal")
	}
	if r.Retransmit > 0 {
		mark("retransmits")
	}
	if r.Reconnects > 0 {
		mark("reconnects")
	}
	// A server that sheds kept-alive connections loses no request: those are
	// sent again.
	if lost := r.Failures; r.Requests+lost > 0 && float64(lost) > mostFailures*float64(r.Requests+lost) && r.Outcome == dataset.OK {
		r.Outcome, r.Error = dataset.Rejected, "more than 1 % of the requests failed: "+r.ByFailure
	}
}
