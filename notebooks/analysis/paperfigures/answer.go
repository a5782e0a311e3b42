// SPDX-License-Identifier: Apache-2.0

package paperfigures

import (
	"fmt"
	"strings"

	"crossing/notebooks/analysis/runs"
)

// Extremes are the tiers with the lowest and the highest value of a quantity at
// a load.
type Extremes struct {
	Quantity        string
	Connections     int
	Tiers           int // that have a value
	Lowest, Highest *Cell
}

// Answer finds the tiers with the lowest and the highest value of a quantity.
func Answer(s *runs.Set, q Quantity, file string, connections int) Extremes {
	e := Extremes{Quantity: strings.ToLower(q.Title), Connections: connections}
	cells := Cells(s, q, file)
	for i := range cells {
		c := &cells[i]
		if c.Connections != connections || c.N == 0 {
			continue
		}
		if c.Estimate > 0 {
			e.Tiers++
		}
		if e.Lowest == nil || c.Estimate < e.Lowest.Estimate {
			e.Lowest = c
		}
		if e.Highest == nil || c.Estimate > e.Highest.Estimate {
			e.Highest = c
		}
	}
	return e
}

// Ratio is the highest value over the lowest.
func (e Extremes) Ratio() float64 { return e.Highest.Estimate / e.Lowest.Estimate }

// Apart reports whether the two intervals do not overlap; known is false where
// one of them is missing.
func (e Extremes) Apart() (apart, known bool) {
	if e.Lowest.Err != nil || e.Highest.Err != nil {
		return false, false
	}
	return e.Lowest.Hi < e.Highest.Lo, true
}

// String is the answer as a sentence.
func (e Extremes) String() string {
	at := runs.Count(e.Connections, "connection")
	switch {
	case e.Tiers < 2:
		return fmt.Sprintf("At %s fewer than two tiers have a %s.", at, e.Quantity)
	case e.Lowest == e.Highest:
		return fmt.Sprintf("At %s all %d tiers have the same %s.", at, e.Tiers, e.Quantity)
	}
	overlap := "but their intervals overlap"
	if apart, known := e.Apart(); !known {
		overlap = "there are too few runs for an interval"
	} else if apart {
		overlap = "their intervals do not overlap"
	}
	return fmt.Sprintf("At %s the lowest %s is %s's and the highest is %s's, %.3g times as high; %s.",
		at, e.Quantity, e.Lowest.Tier.Name, e.Highest.Tier.Name, e.Ratio(), overlap)
}
