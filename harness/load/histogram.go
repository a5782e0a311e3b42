// SPDX-License-Identifier: Apache-2.0

package load

import "math/bits"

// A Histogram counts times in nanoseconds in buckets that are exact to one part
// in eight: four bits for the power of two, then eight steps in each.
// It has a fixed size, so that it can be filled where nothing may be allocated.
type Histogram struct {
	Counts [368]uint64 `json:"counts"`
	Total  uint64      `json:"total"`
	Max    int64       `json:"max_ns"`
}

const steps = 8

func bucket(ns int64) int {
	if ns < steps {
		return int(max(ns, 0))
	}
	shift := bits.Len64(uint64(ns)) - 4
	return min(shift*steps+int(ns>>shift), len(Histogram{}.Counts)-1)
}

// Bounds returns the times that bucket i counts: from lowest to highest, in ns.
func Bounds(i int) (lowest, highest int64) {
	if i < 2*steps {
		return int64(i), int64(i)
	}
	shift := i/steps - 1
	low := int64(i%steps+steps) << shift
	return low, low + 1<<shift - 1
}

// Add counts one time. A negative time counts as 0.
func (h *Histogram) Add(ns int64) {
	h.Counts[bucket(ns)]++
	h.Total++
	h.Max = max(h.Max, ns)
}

// Merge adds the counts of g.
func (h *Histogram) Merge(g *Histogram) {
	for i, n := range g.Counts {
		h.Counts[i] += n
	}
	h.Total += g.Total
	h.Max = max(h.Max, g.Max)
}

// Over returns how many of the times were surely longer than ns.
func (h *Histogram) Over(ns int64) (n uint64) {
	for i := bucket(ns) + 1; i < len(h.Counts); i++ {
		n += h.Counts[i]
	}
	return n
}

// Quantile returns the upper bound in ns of the bucket in which the q-quantile
// lies, and 0 for an empty histogram.
func (h *Histogram) Quantile(q float64) int64 {
	if h.Total == 0 {
		return 0
	}
	rank := max(1, uint64(q*float64(h.Total)+0.999999))
	for i, n := range h.Counts {
		if n >= rank && i < len(h.Counts)-1 {
			_, high := Bounds(i)
			return min(high, h.Max)
		}
		rank -= n
	}
	return h.Max
}
