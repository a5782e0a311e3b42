// SPDX-License-Identifier: Apache-2.0

package tcpip

// prefetchThreshold is the number of connections from which on they do not fit
// into the first-level caches.
const prefetchThreshold = 256

// Prefetch looks up the connections of the frames of a burst, which are then
// given to Input. With thousands of connections each request waits for some
// cache lines from memory; prefetched together they arrive together. It only
// changes how long Input takes.
func (s *Stack) Prefetch(frames [][]byte) {
	if len(frames) < 2 || s.table.size < prefetchThreshold {
		return
	}
	var conns [64]*Conn
	n := 0
	mask := uint64(len(s.table.slots) - 1)
	for _, f := range frames[:min(len(frames), len(conns))] {
		if len(f) >= baseHeaderLen {
			if c := s.table.slots[s.table.home(key(f))&mask].c; c != nil { // sometimes that of a neighbouring slot
				conns[n] = c
				n++
			}
		}
	}
	prefetch(&conns, n)
}
