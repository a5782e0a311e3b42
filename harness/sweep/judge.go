// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"strings"

	"crossing/data/dataset"
	"crossing/harness/testbed"
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

// misdirected says where frames were not handled as the steering asks.
func misdirected(s testbed.Steering, after, before Receiving) []string {
	var faults []string
	for _, end := range []struct {
		name          string
		after, before testbed.Receiving
	}{{"server", after.Server, before.Server}, {"client", after.Client, before.Client}} {
		if why := s.Misdirected(end.name, end.after.Since(end.before)); why != "" {
			faults = append(faults, why)
		}
	}
	return faults
}

// reject forbids the use of a run for the given faults, if there are any.
func reject(r *dataset.Run, faults []string) {
	if len(faults) == 0 {
		return
	}
	r.Outcome = dataset.Rejected
	if r.Error != "" {
		faults = append([]string{r.Error}, faults...)
	}
	r.Error = strings.Join(faults, "; ")
}
