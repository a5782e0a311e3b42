// SPDX-License-Identifier: Apache-2.0

package saturation

import (
	"fmt"
	"math"

	"crossing/notebooks/stats"
)

// A Claimed is a tier's saturation point beside the load at which the paper saw
// saturation.
type Claimed struct {
	Tier        string
	Connections float64 // the paper's
	Known       bool    // the dataset has the tier
	Saturation  stats.Knee
	ClientBound bool
}

// Answer sets the saturation point of a tier beside the paper's.
func Answer(tiers []Tier, name string, connections float64) Claimed {
	c := Claimed{Tier: name, Connections: connections}
	for _, t := range tiers {
		if t.Name == name {
			c.Known, c.Saturation, c.ClientBound = true, t.Saturation(), t.ClientBound
		}
	}
	return c
}

// Holds reports whether the interval holds the paper's value.
func (c Claimed) Holds() bool {
	return c.Saturation.Lo <= c.Connections && c.Connections <= c.Saturation.Hi
}

// String is the answer as a sentence.
func (c Claimed) String() string {
	if !c.Known {
		return fmt.Sprintf("%s is not in this dataset.", c.Tier)
	}
	paper := fmt.Sprintf("%s: the paper saw saturation at about %.0f connections", c.Tier, c.Connections)
	k := c.Saturation
	switch {
	case k.Err != nil:
		return fmt.Sprintf("%s; here there is no saturation point: %v.", paper, k.Err)
	case math.IsNaN(k.Lo):
		return fmt.Sprintf("%s; here the saturation point N* is %.3g, from one block.", paper, k.Estimate)
	}
	holds := "does not hold"
	if c.Holds() {
		holds = "holds"
	}
	caution := ""
	if c.ClientBound {
		caution = " The client's ceiling was less than twice the rate, so the knee may be its own."
	}
	return fmt.Sprintf("%s; here the saturation point N* is %.3g [%.3g, %.3g], an interval that %s the paper's.%s", paper, k.Estimate, k.Lo, k.Hi, holds, caution)
}
