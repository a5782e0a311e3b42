// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"errors"
	"fmt"
	"math"

	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// A Reach is which verdicts a design can give on a claim at all, whatever the
// data, and what difference it would show. A plan that cannot decide a claim is
// no test of it.
type Reach struct {
	Supported, Contradicted bool
	Why                     error   // what is out of reach, and why
	Detectable              float64 // least ratio shown with stats.Power, in the worst comparison of the pilot's; NaN: the test compares no tiers
}

// Decides reports whether both verdicts are within reach.
func (r Reach) Decides() bool { return r.Supported && r.Contradicted }

// Reach computes which verdicts the design of a dataset, complete or a pilot, can
// give on the claim: by its blocks, its loads and the requests of its runs, and
// not by what it measured. The difference that it would show is from the pilot's
// spread within blocks.
func (c Claim) Reach(s *runs.Set) Reach {
	if labels, ok := c.Labels[s.Meta.Name]; ok {
		c.Tiers = labels
	}
	r := Reach{Detectable: math.NaN()}
	loads := common(s, &c)
	want := tests[c.Test]
	if len(loads) < want.loads {
		r.Why = fmt.Errorf("%d loads with all tiers; the test takes %d", len(loads), want.loads)
		return r
	}
	least := math.MaxInt // blocks
	var unbounded error
	tested := 0
	for _, load := range loads {
		err := c.bounded(s, load)
		if err != nil {
			unbounded = err
			continue
		}
		tested++
		for _, t := range c.Tiers {
			least = min(least, len(s.Closed(t, file)[load]))
		}
	}
	if tested == 0 {
		r.Why = unbounded
		return r
	}
	switch c.Test {
	case "knee": // Student's interval over blocks
		r.Supported, r.Contradicted = least >= 2, least >= 2
	case "reaches": // the same; the maximum may be at a load without a value
		r.Supported, r.Contradicted = least >= 2, least >= 2 && unbounded == nil
	case "equivalent": // Student's test for the one, the exact interval for the other
		r.Supported, r.Contradicted = least >= 2, stats.LeastP(least) <= stats.Alpha/float64(len(loads))
	default: // exact tests for both; max-T has the least p of a single one
		r.Supported = stats.LeastP(least) <= stats.Alpha
		r.Contradicted = r.Supported
	}
	if !r.Decides() {
		r.Why = fmt.Errorf("%d blocks: the least p is %.3g", least, stats.LeastP(least))
		if c.Test == "reaches" && unbounded != nil {
			r.Why = unbounded
		}
	}
	if len(c.Tiers) < 2 || want.tiers < 2 {
		return r
	}
	for i := range len(c.Tiers) - 1 {
		for _, load := range loads {
			logs, err := pair(s, c.Tiers[i], c.Tiers[i+1], load, c.Quantity)
			if err == nil && !(r.Detectable > stats.Detectable(logs.Logs())) {
				r.Detectable = stats.Detectable(logs.Logs())
			}
		}
	}
	return r
}

// bounded returns why the runs of a load do not bound the claim's quantities.
func (c *Claim) bounded(s *runs.Set, load int) error {
	for _, q := range []string{c.Quantity, c.Other} {
		if q == "" {
			continue
		}
		for _, t := range c.Tiers {
			if _, err := byBlock(s, t, load, q); errors.Is(err, stats.ErrNoBound) {
				return err
			}
		}
	}
	return nil
}
