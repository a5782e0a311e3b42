// SPDX-License-Identifier: Apache-2.0

package tcpip

import "fmt"

// Verify checks the invariants of all connections. It is for tests: its time
// grows with the number of connections.
func (s *Stack) Verify() error {
	live, half, waiting, held := 0, 0, 0, 0
	for id := range s.deadlines {
		c := s.conn(uint32(id))
		if c.state == closed {
			if s.deadlines[id] != 0 || c.rcvBuf != nil || c.loss != nil || c.sendTimes != nil {
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
		held += len(c.rcvBuf)
		if err := s.verify(c); err != nil {
			return fmt.Errorf("connection %d, %v: %w", id, c.state, err)
		}
	}
	if live != s.table.size || half != s.halfOpen || waiting != s.timeWaits || held != s.rcvBufs.used[0]+s.rcvBufs.used[1] {
		return fmt.Errorf("counted %d connections, %d half-open, %d in TIME-WAIT, %d bytes; kept %d, %d, %d, %d",
			live, half, waiting, held, s.table.size, s.halfOpen, s.timeWaits, s.rcvBufs.used[0]+s.rcvBufs.used[1])
	}
	return nil
}

func (s *Stack) verify(c *Conn) error {
	flight := int(c.sndNxt - c.sndUna)
	if c.finSent && flight > 0 {
		flight-- // FIN
	}
	if c.state == synReceived {
		flight = 0
	}
	bytes := -c.sndOffset
	for _, p := range c.sndQueue[c.queueHead:c.queueTail] {
		bytes += len(p.data)
	}
	switch {
	case s.table.get(c.key) != c:
		return fmt.Errorf("the table has another")
	case s.deadlines[c.id] == 0:
		return fmt.Errorf("no timer runs: it could stay for ever")
	case c.sndQueued != bytes:
		return fmt.Errorf("%d bytes queued, %d counted", bytes, c.sndQueued)
	case flight > c.sndQueued:
		return fmt.Errorf("%d bytes in flight of %d", flight, c.sndQueued)
	case c.cwnd < c.mss && c.state != synReceived:
		return fmt.Errorf("cwnd %d, mss %d", c.cwnd, c.mss)
	case c.rcvBuffered < 0 || c.rcvBuffered > receiveBuffer || c.reassemblyLen > 0 && c.rcvBuf == nil:
		return fmt.Errorf("receive buffer with %d bytes, %d spans", c.rcvBuffered, c.reassemblyLen)
	case c.hasSendTimes != (c.sendTimes != nil):
		return fmt.Errorf("it has send times: %v, and there are some: %v", c.hasSendTimes, c.sendTimes != nil)
	case c.hasRcvBuf != (c.rcvBuf != nil):
		return fmt.Errorf("it holds a buffer: %v, and there is one: %v", c.hasRcvBuf, c.rcvBuf != nil)
	case c.appClosed && !c.finQueued:
		return fmt.Errorf("the app has closed it, but no FIN will be sent")
	}
	at := c.rcvNxt
	for _, p := range c.reassembly[:c.reassemblyLen] {
		if !before(at, p.from) || !before(p.from, p.to) || p.to-c.rcvNxt > uint32(receiveBuffer-c.rcvBuffered) {
			return fmt.Errorf("out-of-order spans %v after %d", c.reassembly[:c.reassemblyLen], c.rcvNxt)
		}
		at = p.to
	}
	if l := c.loss; l != nil {
		at := c.sndUna
		for i, p := range l.scoreboard[:l.sacked] {
			if i > 0 && !before(at, p.from) || before(p.from, at) || !before(p.from, p.to) || before(c.sndNxt, p.to) {
				return fmt.Errorf("scoreboard %v between %d and %d", l.scoreboard[:l.sacked], c.sndUna, c.sndNxt)
			}
			at = p.to
		}
	}
	return nil
}
