// SPDX-License-Identifier: Apache-2.0

package validity

import (
	"fmt"

	"crossing/notebooks/analysis/runs"
)

// A Summary is how far the runs of a dataset hold.
type Summary struct {
	Usable, Excluded int // runs
	Marks            int // of the usable runs
	Tested, Drifting int // runs long enough for a test of the trend, and those with one
}

// Answer summarises the tiers.
func Answer(tiers []Tier) (s Summary) {
	for _, t := range tiers {
		s.Usable, s.Excluded = s.Usable+t.Runs, s.Excluded+t.Rejected+t.Failed
		s.Tested, s.Drifting = s.Tested+t.Tested, s.Drifting+t.Drifting
		for _, n := range t.Marked {
			s.Marks += n
		}
	}
	return s
}

// String is the answer as a sentence.
func (s Summary) String() string {
	if s.Usable == 0 {
		return "No usable run: the dataset shows nothing."
	}
	trend := fmt.Sprintf("of %d runs tested %d have a trend after the warm-up", s.Tested, s.Drifting)
	if s.Tested == 0 {
		trend = "all runs are too short for a test of their trend"
	}
	return fmt.Sprintf("%d runs are usable and %d were excluded; the usable ones bear %s; %s.", s.Usable, s.Excluded, runs.Count(s.Marks, "mark"), trend)
}
