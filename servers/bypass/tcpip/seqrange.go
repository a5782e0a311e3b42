// SPDX-License-Identifier: Apache-2.0

package tcpip

// A seqRange is a half-open range [from, to) of sequence numbers.
type seqRange struct{ from, to uint32 }

// contains reports whether seq lies in the range.
func (r seqRange) contains(seq uint32) bool { return seq-r.from < r.to-r.from }

// overlap returns the number of sequence numbers in both [a, b) and [from, to).
func overlap(a, b, from, to uint32) uint32 {
	if before(a, from) {
		a = from
	}
	if before(to, b) {
		b = to
	}
	if before(a, b) {
		return b - a
	}
	return 0
}

// addRange adds r to n sorted ranges that do not touch, and returns their new
// number. It fails if a further range does not fit.
func addRange(ranges []seqRange, n int, r seqRange) (int, bool) {
	i := 0
	for i < n && before(ranges[i].to, r.from) {
		i++
	}
	j := i
	for j < n && !before(r.to, ranges[j].from) {
		if before(ranges[j].from, r.from) {
			r.from = ranges[j].from
		}
		if before(r.to, ranges[j].to) {
			r.to = ranges[j].to
		}
		j++
	}
	if i == j {
		if n == len(ranges) {
			return n, false
		}
		copy(ranges[i+1:n+1], ranges[i:n])
		ranges[i] = r
		return n + 1, true
	}
	ranges[i] = r
	copy(ranges[i+1:], ranges[j:n])
	return n - (j - i - 1), true
}
