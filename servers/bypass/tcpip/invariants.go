package tcpip

import "fmt"

// Verify looks for what must never be, in all connections. It is for tests: it
// takes as long as there are connections.
func (s *Stack) Verify() error {
	live, half, waiting, held := 0, 0, 0, 0
	for id := range s.due {
		c := s.conn(uint32(id))
		if c.state == closed {
			if s.due[id] != 0 || c.buf != nil || c.loss != nil {
				return fmt.Errorf("closed connection %d is not empty", id)
			}
			continue
		}
		live++
		switch c.state {
		case synReceived:
			half++
		case timeWait:
			waiting++
		}
		if c.buf != nil {
			held += receiveBuffer
		}
		if err := s.verify(c); err != nil {
			return fmt.Errorf("connection %d, %v: %w", id, c.state, err)
		}
	}
	if live != s.table.used || half != s.halfOpen || waiting != s.timeWait || held != s.held {
		return fmt.Errorf("counted %d connections, %d half-open, %d in TIME-WAIT, %d bytes; kept %d, %d, %d, %d",
			live, half, waiting, held, s.table.used, s.halfOpen, s.timeWait, s.held)
	}
	return nil
}

func (s *Stack) verify(c *Conn) error {
	flight := int(c.sndNxt - c.sndUna)
	if c.ended && flight > 0 {
		flight-- // FIN
	}
	if c.state == synReceived {
		flight = 0
	}
	bytes := -c.offset
	for _, p := range c.queue[c.first:c.beyond] {
		bytes += len(p.data)
	}
	switch {
	case s.table.get(c.key) != c:
		return fmt.Errorf("the table has another")
	case s.due[c.id] == 0:
		return fmt.Errorf("no timer runs: it could stay for ever")
	case c.queued != bytes:
		return fmt.Errorf("%d bytes queued, %d counted", bytes, c.queued)
	case flight > c.queued:
		return fmt.Errorf("%d bytes in flight of %d", flight, c.queued)
	case c.cwnd < c.mss && c.state != synReceived:
		return fmt.Errorf("cwnd %d, mss %d", c.cwnd, c.mss)
	case c.have < 0 || c.have > receiveBuffer || c.nspans > 0 && c.buf == nil:
		return fmt.Errorf("receive buffer with %d bytes, %d spans", c.have, c.nspans)
	case c.holds != (c.buf != nil):
		return fmt.Errorf("it holds a buffer: %v, and there is one: %v", c.holds, c.buf != nil)
	case c.closes && !c.ends:
		return fmt.Errorf("the app has closed it, but no FIN will be sent")
	}
	at := c.rcvNxt
	for _, p := range c.spans[:c.nspans] {
		if !before(at, p.from) || !before(p.from, p.to) || p.to-c.rcvNxt > uint32(receiveBuffer-c.have) {
			return fmt.Errorf("out-of-order spans %v after %d", c.spans[:c.nspans], c.rcvNxt)
		}
		at = p.to
	}
	if l := c.loss; l != nil {
		at := c.sndUna
		for i, p := range l.sacks[:l.n] {
			if i > 0 && !before(at, p.from) || before(p.from, at) || !before(p.from, p.to) || before(c.sndNxt, p.to) {
				return fmt.Errorf("scoreboard %v between %d and %d", l.sacks[:l.n], c.sndUna, c.sndNxt)
			}
			at = p.to
		}
	}
	return nil
}
