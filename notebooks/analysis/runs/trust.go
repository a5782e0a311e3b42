// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"fmt"
	"strings"
)

// Headroom is the least ratio of the client's own ceiling to a rate of which it
// is not the limit.
const Headroom = 2

// Marks count the usable runs by the self-checks that marked them.
type Marks []MarkCount

// A MarkCount is the number of usable runs that bear a mark.
type MarkCount struct {
	Mark, Means string
	Marked, Of  int
}

// Trust counts the marks of the usable runs; those of no run are left out.
func (s *Set) Trust() (all Marks) {
	for _, m := range []MarkCount{
		{Mark: "client-bound", Means: "the client's ceiling was less than twice the rate"},
		{Mark: "steal", Means: "a hypervisor stole over 1 % of the CPUs' time"},
		{Mark: "occupancy", Means: "connections were idle for over 3 % of the time"},
		{Mark: "earlier", Means: "most of the waiting was for requests sent before the measured interval, which no number counts"},
		{Mark: "little", Means: "Little's law is off by over 1 %"},
	} {
		if m.Marked, m.Of = s.Marked(m.Mark); m.Marked > 0 {
			all = append(all, m)
		}
	}
	return all
}

// String is the counts as a sentence.
func (m Marks) String() string {
	if len(m) == 0 {
		return "No run bears a mark of the self-checks."
	}
	var parts []string
	for _, c := range m {
		parts = append(parts, fmt.Sprintf("in %d of %d %s", c.Marked, c.Of, c.Means))
	}
	return "Of the usable runs, " + strings.Join(parts, ", ") + "."
}
