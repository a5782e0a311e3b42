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

// Standing says in a sentence where a server stands among those that it was
// compared with.
func Standing(results []Result, server string, connections int) string {
	var lower, higher, open []string
	for _, r := range results {
		switch {
		case r.Err == nil && r.Hi < 1:
			lower = append(lower, r.From)
		case r.Err == nil && r.Lo > 1:
			higher = append(higher, r.From)
		default:
			open = append(open, r.From)
		}
	}
	var parts []string
	for _, p := range []struct {
		what  string
		names []string
	}{{"lower than that of %s", lower}, {"higher than that of %s", higher}, {"not to be told from that of %s", open}} {
		if len(p.names) > 0 {
			parts = append(parts, fmt.Sprintf(p.what, strings.Join(p.names, ", ")))
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("At %d connections the dataset has nothing to compare %s with.", connections, server)
	}
	return fmt.Sprintf("At %d connections the mean latency of %s is %s (by their own intervals; Holm's adjustment is in the table).",
		connections, server, strings.Join(parts, ", "))
}
