// SPDX-License-Identifier: Apache-2.0

package comparisons

import (
	"fmt"
	"strings"

	"crossing/notebooks/analysis/runs"
)

// A Summary sorts comparisons by what their own intervals show. For factors the
// names are the factors'; for a server of one's own, those of the others.
type Summary struct {
	Connections         int
	Lower, Higher, Open []string // interval below 1, above 1, and neither
}

// Answer sorts the factors.
func Answer(results []Result, connections int) Summary {
	return summarise(results, connections, func(r Result) string { return r.What })
}

func summarise(results []Result, connections int, name func(Result) string) Summary {
	s := Summary{Connections: connections}
	for _, r := range results {
		switch {
		case r.Err == nil && r.Hi < 1:
			s.Lower = append(s.Lower, name(r))
		case r.Err == nil && r.Lo > 1:
			s.Higher = append(s.Higher, name(r))
		default:
			s.Open = append(s.Open, name(r))
		}
	}
	return s
}

// String is the answer as a sentence.
func (s Summary) String() string {
	return fmt.Sprintf("With %s, of %s, %d lower the mean latency, %d raise it, and %d show no difference (by their own intervals; the table has the p adjusted for their number).",
		runs.Count(s.Connections, "connection"), runs.Count(len(s.Lower)+len(s.Higher)+len(s.Open), "factor"), len(s.Lower), len(s.Higher), len(s.Open))
}

// A Standing is where a server stands among those that it was compared with.
type Standing struct {
	Server string
	Summary
}

// Stand sorts the servers that one was compared with.
func Stand(results []Result, server string, connections int) Standing {
	return Standing{server, summarise(results, connections, func(r Result) string { return r.From })}
}

// String is the answer as a sentence.
func (s Standing) String() string {
	var parts []string
	for _, p := range []struct {
		what  string
		names []string
	}{{"lower than that of %s", s.Lower}, {"higher than that of %s", s.Higher}, {"not distinguishable from that of %s", s.Open}} {
		if len(p.names) > 0 {
			parts = append(parts, fmt.Sprintf(p.what, strings.Join(p.names, ", ")))
		}
	}
	at := runs.Count(s.Connections, "connection")
	if len(parts) == 0 {
		return fmt.Sprintf("At %s the dataset has nothing to compare %s with.", at, s.Server)
	}
	return fmt.Sprintf("At %s the mean latency of %s is %s (by their own intervals; the table has the p adjusted for their number).", at, s.Server, strings.Join(parts, ", "))
}

// Gaps are the factors that a dataset cannot test at a load.
type Gaps struct {
	Connections int
	Factors     []Gap
}

// A Gap is a factor and the tier without a usable run.
type Gap struct{ Factor, Tier string }

// Missing finds the factors that cannot be tested at a load and file.
func Missing(s *runs.Set, factors []Factor, file string, connections int) Gaps {
	g := Gaps{Connections: connections}
	for _, f := range factors {
		for _, tier := range []string{f.From, f.To} {
			if len(s.Closed(tier, file)[connections]) == 0 {
				g.Factors = append(g.Factors, Gap{f.What, tier})
				break
			}
		}
	}
	return g
}

// String lists the gaps.
func (g Gaps) String() string {
	at := runs.Count(g.Connections, "connection")
	if len(g.Factors) == 0 {
		return fmt.Sprintf("With %s all factors are tested.", at)
	}
	var all []string
	for _, f := range g.Factors {
		all = append(all, fmt.Sprintf("%s (no usable run of %s)", f.Factor, f.Tier))
	}
	return fmt.Sprintf("Not tested with %s: %s.", at, strings.Join(all, ", "))
}
