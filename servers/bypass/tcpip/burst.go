package tcpip

// many is how many connections do not fit into the first caches together.
const many = 256

// Expect looks up the connections of frames that will be given to Input next.
// With thousands of connections each request waits for some cache lines that
// come from far; asked for together they come together. It is no more than
// advice.
func (s *Stack) Expect(frames [][]byte) {
	if len(frames) < 2 || s.table.used < many {
		return
	}
	var conns [64]*Conn
	n := 0
	mask := uint64(len(s.table.slots) - 1)
	for _, f := range frames[:min(len(frames), len(conns))] {
		if len(f) >= shortHead {
			if c := s.table.slots[s.table.at(key(f))&mask].c; c != nil { // a neighbour's, now and then
				conns[n] = c
				n++
			}
		}
	}
	prefetch(&conns, n)
}
