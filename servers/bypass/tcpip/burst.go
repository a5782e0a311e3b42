// SPDX-License-Identifier: Apache-2.0

package tcpip

// prefetchThreshold is how many connections do not fit into the first caches together.
const prefetchThreshold = 256

// Prefetch looks up the connections of frames that will be given to Input next.
// With thousands of connections each request waits for some cache lines that
// come from far; asked for together they come together. It is no more than
// advice.
func (s *Stack) Prefetch(frames [][]byte) {
	if len(frames) < 2 || s.table.size < prefetchThreshold {
		return
	}
	var conns [64]*Conn
	n := 0
	mask := uint64(len(s.table.slots) - 1)
	for _, f := range frames[:min(len(frames), len(conns))] {
		if len(f) >= baseHeaderLen {
			if c := s.table.slots[s.table.home(key(f))&mask].c; c != nil { // a neighbour's, now and then
				conns[n] = c
				n++
			}
		}
	}
	prefetch(&conns, n)
}
