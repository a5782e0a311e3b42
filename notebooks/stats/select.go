// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"cmp"
	"math/bits"
	"slices"
)

// Buckets grow with the value, as floating-point numbers do: 2^fine to each
// power of two, so that a bucket is at most 0.2 % of its value wide.
const (
	fine    = 9
	buckets = (65 - fine) << fine
)

func bucket(v int64) int {
	if v < 0 {
		v = 0 // the order within the bucket is corrected by the sort
	}
	u := uint64(v)
	shift := max(bits.Len64(u)-fine-1, 0)
	return shift<<fine + int(u>>shift)
}

// Select returns the values at the given places, from 1, of x sorted, without
// sorting it: one pass counts how many fall into each of some ten thousand
// buckets, a second takes out those buckets that hold a wanted place, and only
// these are sorted. x keeps its order; a place outside of it panics.
func Select(x []int64, ranks []int) []int64 {
	if len(ranks) == 0 {
		return nil
	}
	var counts [buckets]uint32
	for _, v := range x {
		counts[bucket(v)]++
	}
	order := make([]int, len(ranks))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(ranks[a], ranks[b]) })

	// Which bucket holds each place, and how many values lie before it.
	type part struct {
		values []int64
		before int
	}
	var parts []part
	var want [buckets]uint16 // index into parts, from 1
	of := make([]int, len(ranks))
	b, before := 0, 0
	for _, i := range order {
		for ranks[i] > before+int(counts[b]) {
			before += int(counts[b])
			b++
		}
		if want[b] == 0 {
			parts = append(parts, part{make([]int64, 0, counts[b]), before})
			want[b] = uint16(len(parts))
		}
		of[i] = int(want[b]) - 1
	}
	for _, v := range x {
		if w := want[bucket(v)]; w != 0 {
			p := &parts[w-1]
			p.values = append(p.values, v)
		}
	}
	for _, p := range parts {
		slices.Sort(p.values)
	}
	values := make([]int64, len(ranks))
	for i, r := range ranks {
		p := &parts[of[i]]
		values[i] = p.values[r-p.before-1]
	}
	return values
}
