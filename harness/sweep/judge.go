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
)

// judge adds the marks that need more than the client's rows. What these say, and
// whether the run is rejected, package load has judged.
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
}
