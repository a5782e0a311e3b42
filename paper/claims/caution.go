// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/runs"
)

// gigabit is what a port of an Intel 82576 carries each way, in B/s (IEEE
// 802.3ab).
const gigabit = 125e6

// caution says what else than the servers may have made the numbers: emulation,
// client, wire and noise, each from the runs of the claim's tiers and loads.
func caution(s *runs.Set, c *Claim) string {
	var all []string
	if s.Meta.Emulated {
		all = append(all, "emulation: a NIC in virtual time counts instructions and knows no caches, no PCIe and no true parallelism")
	}
	n, clientBound, stolen := 0, 0, 0
	busiest, jitter, quickest := 0.0, []int64(nil), math.Inf(1)
	blocks := map[int32]bool{}
	all82576, virtual := true, false
	for _, r := range s.Runs() {
		if !slices.Contains(c.Tiers, r.Tier) || !slices.Contains(c.Loads, int(r.Connections)) || r.File != file || r.Loop != "closed" || r.Outcome != dataset.OK || r.Traced {
			continue
		}
		n++
		blocks[r.Block] = true
		marks := strings.Fields(r.Marks)
		if slices.Contains(marks, "client-bound") {
			clientBound++
		}
		if slices.Contains(marks, "steal") {
			stolen++
		}
		if seconds := float64(r.WarmUpNs+r.ElapsedNs) / 1e9; seconds > 0 {
			// Both ways are counted; the busier of them carries half at least.
			busiest = max(busiest, float64(r.WireBytes)/seconds/2/gigabit)
		}
		jitter, quickest = append(jitter, r.JitterP99), min(quickest, r.MeanNs)
		all82576 = all82576 && strings.Contains(r.Wire, "82576")
		virtual = virtual || r.Clock == "virtual"
	}
	if n == 0 {
		return strings.Join(all, "; ")
	}
	if clientBound > 0 {
		all = append(all, fmt.Sprintf("client: in %d of %d runs it could not have gone twice as fast", clientBound, n))
	}
	if all82576 {
		all = append(all, fmt.Sprintf("wire: the busiest run would fill %.2g %% of such a port's 1 Gbit/s", 100*busiest))
	}
	if !virtual {
		slices.Sort(jitter)
		noise := fmt.Sprintf("noise: gaps in a spinning thread before these runs have a p99 of %.3g µs in the median, beside a lowest mean latency of %.3g µs", float64(jitter[len(jitter)/2])/1e3, quickest/1e3)
		if stolen > 0 {
			noise += fmt.Sprintf("; a hypervisor stole over 1 %% of the time in %d of %d runs", stolen, n)
		}
		all = append(all, noise)
	}
	// The signed-rank test's least two-sided p is 2^(1-blocks).
	if pairs := (len(c.Tiers) - 1) * len(c.Loads); c.Test == "ordering" || c.Test == "below" {
		least := math.Exp2(1 - float64(len(blocks)))
		if least > alpha {
			all = append(all, fmt.Sprintf("design: with %d blocks no p can be below %.2g", len(blocks), min(1, least)))
		} else if least *= float64(pairs); least > alpha {
			all = append(all, fmt.Sprintf("design: with %d blocks and %d comparisons no p after Holm can be below %.2g, so that they cannot contradict", len(blocks), pairs, min(1, least)))
		}
	}
	return strings.Join(all, "; ")
}
