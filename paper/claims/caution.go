// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// gigabit is what a port of an Intel 82576 carries each way, in B/s (IEEE
// 802.3ab).
const gigabit = 125e6

// cautions are what else than the servers may have caused the numbers: emulation,
// client, wire, noise and too few blocks, each from the runs of the claim's tiers
// and loads.
func cautions(s *runs.Set, c *Claim) (all []error) {
	add := func(format string, arg ...any) { all = append(all, fmt.Errorf(format, arg...)) }
	if s.Meta.Emulated {
		add("emulation: virtual time counts instructions; it has no caches, no PCIe and no true parallelism, and its blocks are seeds, not a sample")
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
		return all
	}
	if clientBound > 0 {
		add("client: in %d of %d runs its ceiling was less than %d times the rate", clientBound, n, runs.Headroom)
	}
	if all82576 {
		add("wire: the busiest run would fill %.2g %% of such a port's 1 Gbit/s", 100*busiest)
	}
	if !virtual {
		slices.Sort(jitter)
		add("noise: gaps in a spinning thread before these runs have a p99 of %.3g µs in the median, beside a lowest mean latency of %.3g µs", float64(jitter[len(jitter)/2])/1e3, quickest/1e3)
		if stolen > 0 {
			add("steal: a hypervisor stole over 1 %% of the time in %d of %d runs", stolen, n)
		}
	}
	if least := stats.LeastP(len(blocks)); least > stats.Alpha && c.Test != "knee" && c.Test != "reaches" {
		add("design: with %d blocks no exact p can be below %.2g", len(blocks), least)
	}
	return all
}
