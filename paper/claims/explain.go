// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"fmt"

	"crossing/notebooks/analysis/mystery"
	"crossing/notebooks/analysis/runs"
)

// explanations are the analyses that say why, by the name that claims.yaml
// calls them by.
var explanations = map[string]func(open func(string) (*runs.Set, bool)) string{"mystery": explainTail}

// explainTail says which of the module's options, and how much of the load
// tool's arithmetic, makes p99/mean: from the designs over the module's options
// (notebook 6).
func explainTail(open func(string) (*runs.Set, bool)) string {
	why := "no dataset vm-mystery is released, so the module's options cannot be separated"
	if s, ok := open("vm-mystery"); ok {
		why = s.Meta.ID() + ": " + mystery.Answer(s, 8, 64)
	}
	if s, ok := open("vm-mystery-client"); ok {
		why += " " + Amplified(s, 8)
	}
	return why
}

// Amplified says in a sentence by how much wrk's arithmetic raises p99/mean in
// the variant where it does so most, at a number of connections.
func Amplified(s *runs.Set, connections int) string {
	variants, err := mystery.Variants(s, connections)
	if err != nil {
		return fmt.Sprintf("%s: %v.", s.Meta.ID(), err)
	}
	var most *mystery.Variant
	for i := range variants {
		v := &variants[i]
		if v.Err == nil && (most == nil || v.Wrk.Estimate/v.Ratio.Estimate > most.Wrk.Estimate/most.Ratio.Estimate) {
			most = v
		}
	}
	if most == nil {
		return fmt.Sprintf("%s holds no usable run at %d connections.", s.Meta.ID(), connections)
	}
	return fmt.Sprintf("%s: under a client of many threads the load tool's own arithmetic makes of a measured p99/mean of %s a printed one of %s (variant %s, %d connections).",
		s.Meta.ID(), most.Ratio, most.Wrk, most.Label, connections)
}
