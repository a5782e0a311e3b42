// SPDX-License-Identifier: Apache-2.0

package main

import "math/bits"

// A histogram counts times in ns with a relative error below 1/64: each power
// of two is divided into 64 parts.
type histogram struct {
	n      uint64
	sum    float64
	max    int64
	counts [64 * 64]uint32
}

func (h *histogram) add(ns int64) {
	ns = max(ns, 0)
	h.n++
	h.sum += float64(ns)
	h.max = max(h.max, ns)
	h.counts[slot(ns)]++
}

func slot(ns int64) int {
	if ns < 128 {
		return int(ns)
	}
	e := bits.Len64(uint64(ns)) - 7
	return e<<6 + int(ns>>e)
}

// quantile is the upper end of the slot that holds the q-th part of the times.
func (h *histogram) quantile(q float64) int64 {
	want := uint64(q*float64(h.n)) + 1
	seen := uint64(0)
	for i, c := range h.counts {
		if seen += uint64(c); seen >= want {
			if i < 128 {
				return int64(i)
			}
			e := i>>6 - 1
			return min((int64(i-e<<6)+1)<<e-1, h.max)
		}
	}
	return h.max
}

func (h *histogram) mean() float64 { return h.sum / float64(max(h.n, 1)) }
