// SPDX-License-Identifier: Apache-2.0

package tcpip

// A seqRange is a stretch of sequence space, from inclusive to exclusive.
type seqRange struct{ from, to uint32 }

// maxReassembly bounds the stretches that are kept out of order: a segment that
// would start another is dropped.
const maxReassembly = 8

// deliver takes data that start at RCV.NXT: to the app, and what it leaves
// into the receive buffer.
func (s *Stack) deliver(c *Conn, data []byte) {
	c.rcvNxt += uint32(len(data))
	c.ackPending = true
	if c.appClosed {
		return
	}
	if !c.hasRcvBuf {
		n := s.app.Data(c, data)
		if n == len(data) || c.appClosed {
			return
		}
		data = data[n:]
		if !s.ensureRcvBuf(c) {
			s.Stats.RcvBufFull++
			s.abort(c) // it is acknowledged: it cannot be dropped in silence
			return
		}
		c.rcvBuffered = copy(c.rcvBuf, data)
		c.updateRcvWnd()
		return
	}
	c.rcvBuffered += copy(c.rcvBuf[c.rcvBuffered:], data)
	c.mergeReassembly()
	s.deliverBuffered(c)
}

// deliverBuffered shows the app what is held.
func (s *Stack) deliverBuffered(c *Conn) {
	if c.rcvBuffered > 0 && c.CanSend() {
		n := s.app.Data(c, c.rcvBuf[:c.rcvBuffered])
		beyond := c.rcvBuffered
		if c.reassemblyLen > 0 {
			beyond += int(c.reassembly[c.reassemblyLen-1].to - c.rcvNxt)
		}
		copy(c.rcvBuf, c.rcvBuf[n:beyond])
		c.rcvBuffered -= n
	}
	if c.appClosed || c.rcvBuffered == 0 && c.reassemblyLen == 0 {
		s.freeRcvBuf(c)
	}
	c.updateRcvWnd()
}

// updateRcvWnd puts the window that is left into the head. Its right edge never
// moves back, since what is held has been counted when it came (RFC 9293
// section 3.8.6.2.2); when it has opened by half, the peer is told.
func (c *Conn) updateRcvWnd() {
	w := uint16(receiveBuffer - c.rcvBuffered)
	if int(w)-int(be16(c.header[tcpWindow:])) >= receiveBuffer/2 {
		c.ackPending = true
	}
	putBE16(c.header[tcpWindow:], w)
}

// queueOutOfOrder keeps data that come before their turn: RFC 9293 section 3.10.7.4 allows it
// and RFC 2018 reports it.
func (s *Stack) queueOutOfOrder(c *Conn, seq uint32, data []byte) {
	at := seq - c.rcvNxt
	room := uint32(receiveBuffer - c.rcvBuffered)
	if len(data) == 0 || c.appClosed || at >= room {
		return
	}
	data = data[:min(uint32(len(data)), room-at)]
	if !s.ensureRcvBuf(c) || !c.addReassembly(seqRange{seq, seq + uint32(len(data))}) {
		s.Stats.RcvBufFull++
		return
	}
	s.Stats.OutOfOrder++
	copy(c.rcvBuf[uint32(c.rcvBuffered)+at:], data)
}

// addReassembly adds a span to those that are kept; it fails when there are too many.
func (c *Conn) addReassembly(p seqRange) bool {
	n, ok := addRange(c.reassembly[:], c.reassemblyLen, p)
	if ok {
		c.reassemblyLen = n
		c.lastReassembled = p.from
	}
	return ok
}

// mergeReassembly moves RCV.NXT over spans that it has reached.
func (c *Conn) mergeReassembly() {
	i := 0
	for ; i < c.reassemblyLen && !before(c.rcvNxt, c.reassembly[i].from); i++ {
		if d := c.reassembly[i].to - c.rcvNxt; int32(d) > 0 {
			c.rcvNxt += d
			c.rcvBuffered += int(d)
		}
	}
	c.reassemblyLen = copy(c.reassembly[:], c.reassembly[i:c.reassemblyLen])
}

// addRange adds p to n sorted spans that do not touch, and returns their number.
// It fails when there is no room.
func addRange(spans []seqRange, n int, p seqRange) (int, bool) {
	i := 0
	for i < n && before(spans[i].to, p.from) {
		i++
	}
	j := i
	for j < n && !before(p.to, spans[j].from) {
		if before(spans[j].from, p.from) {
			p.from = spans[j].from
		}
		if before(p.to, spans[j].to) {
			p.to = spans[j].to
		}
		j++
	}
	if i == j {
		if n == len(spans) {
			return n, false
		}
		copy(spans[i+1:n+1], spans[i:n])
		spans[i] = p
		return n + 1, true
	}
	spans[i] = p
	copy(spans[i+1:], spans[j:n])
	return n - (j - i - 1), true
}

// ensureRcvBuf gives the connection a receive buffer, within the stack's bound.
func (s *Stack) ensureRcvBuf(c *Conn) bool {
	if c.hasRcvBuf {
		return true
	}
	if s.rcvBufBytes+receiveBuffer > s.cfg.MaxRcvBufBytes {
		return false
	}
	if n := len(s.freeRcvBufs); n > 0 {
		c.rcvBuf, s.freeRcvBufs = s.freeRcvBufs[n-1], s.freeRcvBufs[:n-1]
	} else {
		c.rcvBuf = make([]byte, receiveBuffer)
	}
	c.hasRcvBuf = true
	s.rcvBufBytes += receiveBuffer
	return true
}

func (s *Stack) freeRcvBuf(c *Conn) {
	if c.hasRcvBuf {
		s.freeRcvBufs = append(s.freeRcvBufs, c.rcvBuf)
		s.rcvBufBytes -= receiveBuffer
	}
	c.hasRcvBuf, c.rcvBuf, c.rcvBuffered, c.reassemblyLen = false, nil, 0, 0
}
