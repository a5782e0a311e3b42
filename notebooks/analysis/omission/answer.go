// SPDX-License-Identifier: Apache-2.0

package omission

import (
	"fmt"
	"math"
	"slices"

	"crossing/notebooks/analysis/runs"
)

// A Summary is the usual ratio of two latencies and the one furthest from 1,
// over the rows that have one.
type Summary struct {
	What     string // the two latencies
	None     string // what it means that there are no rows
	Rows, N  int    // rows, and those with a ratio
	Median   float64
	Furthest *Row
	Err      error // of the first row, where none has a ratio
}

// Answer summarises rows; what names the two latencies, none is what it means
// that there are no rows.
func Answer(rows []Row, what, none string) Summary {
	s := Summary{What: what, None: none, Rows: len(rows)}
	var ratios []float64
	for i := range rows {
		r := &rows[i]
		if r.Err != nil || math.IsNaN(r.Estimate) {
			continue
		}
		ratios = append(ratios, r.Estimate)
		if s.Furthest == nil || math.Abs(math.Log(r.Estimate)) > math.Abs(math.Log(s.Furthest.Estimate)) {
			s.Furthest = r
		}
	}
	slices.Sort(ratios)
	if s.N = len(ratios); s.N > 0 {
		s.Median = ratios[s.N/2]
	} else if len(rows) > 0 {
		s.Err = rows[0].Err
	}
	return s
}

// String is the answer as a sentence.
func (s Summary) String() string {
	switch {
	case s.Rows == 0:
		return s.None
	case s.N == 0:
		return fmt.Sprintf("%s: none of %s of a tier and a load has it: %v.", s.What, runs.Count(s.Rows, "pair"), s.Err)
	}
	return fmt.Sprintf("%s is %.3g times, in the median over %s of a tier and a load; the furthest from 1 is %s's at %s, %.3g times.",
		s.What, s.Median, runs.Count(s.N, "pair"), s.Furthest.Tier.Name, s.Furthest.Load, s.Furthest.Estimate)
}
