// SPDX-License-Identifier: Apache-2.0

package comparisons

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"crossing/notebooks/analysis/runs"
)

// ownServer names, in the environment, the server that is compared with all
// others.
const ownServer = "CROSSING_OWN"

// Own is the server that CROSSING_OWN names, or else the one given. That the
// set has none of the name that a user gave is an error.
func Own(s *runs.Set, otherwise string) (string, error) {
	own := os.Getenv(ownServer)
	if own == "" {
		return otherwise, nil
	}
	var have []string
	for _, t := range s.Tiers() {
		have = append(have, t.Name)
	}
	if !slices.Contains(have, own) {
		return "", fmt.Errorf("dataset %s has no server %q, only %s (%s names yours)", s.Meta.ID(), own, strings.Join(have, ", "), ownServer)
	}
	return own, nil
}

// yours is what changes from another server to the user's own.
const yours = "your server"

// Against compares one server with every other that the set has: a factor for
// each. It is for a server of one's own; more than one thing may differ.
func Against(s *runs.Set, server string) []Factor {
	var all []Factor
	for _, t := range s.Tiers() {
		if t.Name != server {
			all = append(all, Factor{yours, t.Name, server})
		}
	}
	return all
}
