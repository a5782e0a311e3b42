// SPDX-License-Identifier: Apache-2.0

package tcpip

// receiveBuffer is the largest window, and the most that a connection holds of
// bytes that the app has not consumed or that are out of order. It fits into
// the 16 bits of the field, so our own window scale is 0.
const receiveBuffer = 32 << 10

// smallBuffer is the size of a receive buffer that holds the first part of a
// request: with one for each of MaxConns connections half of the default
// MaxRcvBufBytes is used up.
const smallBuffer = 2 << 10

// A rcvBufPool keeps receive buffers of two sizes. Each size has half of the
// memory, so that connections with much data cannot take from the others what
// they need for a request in two segments.
type rcvBufPool struct {
	limit int // bytes
	used  [2]int
	free  [2][][]byte
}

var rcvBufSizes = [2]int{smallBuffer, receiveBuffer}

// get returns the smallest buffer for n bytes, or nil if the memory is used up.
func (p *rcvBufPool) get(n int) []byte {
	size := 0
	if n > smallBuffer {
		size = 1
	}
	if p.used[size]+rcvBufSizes[size] > p.limit/2 {
		return nil
	}
	p.used[size] += rcvBufSizes[size]
	if k := len(p.free[size]); k > 0 {
		b := p.free[size][k-1]
		p.free[size] = p.free[size][:k-1]
		return b
	}
	return make([]byte, rcvBufSizes[size])
}

func (p *rcvBufPool) put(b []byte) {
	size := 0
	if len(b) > smallBuffer {
		size = 1
	}
	p.used[size] -= len(b)
	p.free[size] = append(p.free[size], b)
}

// ensureRcvBuf gives the connection a receive buffer of at least n bytes, and
// reports whether there was one.
func (s *Stack) ensureRcvBuf(c *Conn, n int) bool {
	if len(c.rcvBuf) >= n {
		return true
	}
	b := s.rcvBufs.get(n)
	if b == nil {
		s.Stats.RcvBufFull++
		return false
	}
	if c.hasRcvBuf {
		copy(b, c.rcvBuf)
		s.rcvBufs.put(c.rcvBuf)
	} else {
		c.rcvWndEdge = c.rcvNxt + receiveBuffer
		c.unreadSince = s.now
	}
	c.rcvBuf, c.hasRcvBuf = b, true
	return true
}

func (s *Stack) freeRcvBuf(c *Conn) {
	if c.hasRcvBuf {
		s.rcvBufs.put(c.rcvBuf)
	}
	c.hasRcvBuf, c.rcvBuf, c.rcvBuffered, c.reassemblyLen = false, nil, 0, 0
}

// updateRcvWnd writes the window into the header. Its right edge never moves
// back (RFC 9293 section 3.8.6.2.2), and moves forward only by a segment or half
// of the buffer (silly window avoidance, same section). A window that opens by
// half of the buffer, or is worth sending into again, is announced at once.
func (c *Conn) updateRcvWnd() {
	edge := c.rcvNxt + uint32(receiveBuffer-c.rcvBuffered)
	if !c.hasRcvBuf || edge-c.rcvWndEdge >= min(receiveBuffer/2, c.mss) {
		c.rcvWndEdge = edge
	}
	old, wnd := uint32(be16(c.header[tcpWindow:])), c.rcvWndEdge-c.rcvNxt
	if wnd >= old+receiveBuffer/2 || old < c.mss && wnd >= c.mss {
		c.ackPending = true
	}
	putBE16(c.header[tcpWindow:], uint16(wnd))
}
