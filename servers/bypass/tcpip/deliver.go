package tcpip

// A span is a stretch of sequence space, from inclusive to exclusive.
type span struct{ from, to uint32 }

// maxSpans bounds the stretches that are kept out of order: a segment that
// would start another is dropped.
const maxSpans = 8

// deliver takes data that start at RCV.NXT: to the app, and what it leaves
// into the receive buffer.
func (s *Stack) deliver(c *Conn, data []byte) {
	c.rcvNxt += uint32(len(data))
	c.owes = true
	if c.closes {
		return
	}
	if !c.holds {
		n := s.app.Data(c, data)
		if n == len(data) || c.closes {
			return
		}
		data = data[n:]
		if !s.needBuffer(c) {
			s.Stats.NoRoom++
			s.abort(c) // it is acknowledged: it cannot be dropped in silence
			return
		}
		c.have = copy(c.buf, data)
		c.setWindow()
		return
	}
	c.have += copy(c.buf[c.have:], data)
	c.join()
	s.feed(c)
}

// feed shows the app what is held.
func (s *Stack) feed(c *Conn) {
	if c.have > 0 && c.Room() {
		n := s.app.Data(c, c.buf[:c.have])
		beyond := c.have
		if c.nspans > 0 {
			beyond += int(c.spans[c.nspans-1].to - c.rcvNxt)
		}
		copy(c.buf, c.buf[n:beyond])
		c.have -= n
	}
	if c.closes || c.have == 0 && c.nspans == 0 {
		s.dropBuffer(c)
	}
	c.setWindow()
}

// setWindow puts the window that is left into the head. Its right edge never
// moves back, since what is held has been counted when it came (RFC 9293
// section 3.8.6.2.2); when it has opened by half, the peer is told.
func (c *Conn) setWindow() {
	w := uint16(receiveBuffer - c.have)
	if int(w)-int(be16(c.head[tcpWindow:])) >= receiveBuffer/2 {
		c.owes = true
	}
	putBE16(c.head[tcpWindow:], w)
}

// keep keeps data that come before their turn: RFC 9293 section 3.10.7.4 allows it
// and RFC 2018 reports it.
func (s *Stack) keep(c *Conn, seq uint32, data []byte) {
	at := seq - c.rcvNxt
	room := uint32(receiveBuffer - c.have)
	if len(data) == 0 || c.closes || at >= room {
		return
	}
	data = data[:min(uint32(len(data)), room-at)]
	if !s.needBuffer(c) || !c.note(span{seq, seq + uint32(len(data))}) {
		s.Stats.NoRoom++
		return
	}
	s.Stats.OutOfOrder++
	copy(c.buf[uint32(c.have)+at:], data)
}

// note adds a span to those that are kept; it fails when there are too many.
func (c *Conn) note(p span) bool {
	n, ok := addSpan(c.spans[:], c.nspans, p)
	if ok {
		c.nspans = n
		c.newest = p.from
	}
	return ok
}

// join moves RCV.NXT over spans that it has reached.
func (c *Conn) join() {
	i := 0
	for ; i < c.nspans && !before(c.rcvNxt, c.spans[i].from); i++ {
		if d := c.spans[i].to - c.rcvNxt; int32(d) > 0 {
			c.rcvNxt += d
			c.have += int(d)
		}
	}
	c.nspans = copy(c.spans[:], c.spans[i:c.nspans])
}

// addSpan adds p to n sorted spans that do not touch, and returns their number.
// It fails when there is no room.
func addSpan(spans []span, n int, p span) (int, bool) {
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

// needBuffer gives the connection a receive buffer, within the stack's bound.
func (s *Stack) needBuffer(c *Conn) bool {
	if c.holds {
		return true
	}
	if s.held+receiveBuffer > s.cfg.MaxHeld {
		return false
	}
	if n := len(s.buffers); n > 0 {
		c.buf, s.buffers = s.buffers[n-1], s.buffers[:n-1]
	} else {
		c.buf = make([]byte, receiveBuffer)
	}
	c.holds = true
	s.held += receiveBuffer
	return true
}

func (s *Stack) dropBuffer(c *Conn) {
	if c.holds {
		s.buffers = append(s.buffers, c.buf)
		s.held -= receiveBuffer
	}
	c.holds, c.buf, c.have, c.nspans = false, nil, 0, 0
}
