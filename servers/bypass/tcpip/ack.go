// SPDX-License-Identifier: Apache-2.0

package tcpip

import "time"

const (
	initialRTO = time.Second      // RFC 6298 section 2.1
	maxRTO     = 60 * time.Second // section 2.5
)

// processAck takes the acknowledgement and the window of a segment the long way:
// RFC 9293 section 3.10.7.4, fifth.
func (s *Stack) processAck(c *Conn, g *segment) {
	acks := g.ack - c.sndUna
	if acks > c.sndNxt-c.sndUna { // old
		return
	}
	wnd := g.wnd << c.sndWndShift
	fresh := false
	if c.sackPermitted && g.opts.sackCount > 0 && c.sndNxt != c.sndUna {
		fresh = s.updateScoreboard(c, g)
	}
	if acks == 0 {
		// RFC 5681 section 2: what counts as a duplicate; with SACK, what brings news.
		if c.sndNxt != c.sndUna && len(g.data) == 0 && g.flags&fin == 0 && (fresh || !c.sackPermitted && wnd == c.sndWnd) {
			s.dupAckReceived(c)
		}
		s.updateSndWnd(c, g, wnd)
		return
	}
	s.updateSndWnd(c, g, wnd)
	s.advanceSndUna(c, acks)
	if c.sndUna != c.sndNxt || !c.finSent {
		return
	}
	// Our FIN is acknowledged.
	switch c.state {
	case finWait1:
		c.state = finWait2
	case closing:
		s.enterTimeWait(c)
	case lastAck:
		s.remove(c)
	default:
	}
}

// updateSndWnd takes the window, unless the segment is older than the one that
// told the last: since SND.WL1 and WL2 are only there to tell that, and data
// older than RCV.NXT are the only sign of it that matters, they are not kept.
func (s *Stack) updateSndWnd(c *Conn, g *segment, wnd uint32) {
	if before(g.seq, c.rcvNxt) && len(g.data) > 0 {
		return
	}
	if c.sndWnd == 0 && wnd > 0 {
		c.backoff = 0
	}
	c.sndWnd = wnd
	c.maxSndWnd = max(c.maxSndWnd, wnd)
}

// advanceSndUna moves SND.UNA forward by n.
func (s *Stack) advanceSndUna(c *Conn, n uint32) {
	flight := c.sndNxt - c.sndUna
	c.sndUna += n
	c.dupAcks = 0
	if c.backoff != 0 {
		c.backoff = 0
		s.updateRTO(c)
	}
	data := int(n)
	if c.finSent && c.sndUna == c.sndNxt {
		data--
	}
	c.releaseAcked(data)
	if c.rttTiming && !before(c.sndUna, c.rttSeq) {
		c.rttTiming = false
		s.updateRTT(c, s.now-c.rttStart)
	}
	switch {
	case c.loss != nil:
		s.ackInLossState(c, n)
	case 2*flight >= c.cwnd: // else the window was no bound: RFC 7661 section 4.3
		c.growCwnd(n)
	}
	s.restartTimer(c)
}

// growCwnd is slow start and congestion avoidance, RFC 5681 section 3.1.
func (c *Conn) growCwnd(n uint32) {
	const most = 1 << 30
	switch {
	case c.cwnd >= most:
	case c.cwnd < c.ssthresh:
		c.cwnd += min(n, c.mss)
	default:
		c.cwnd += max(1, uint32(uint64(c.mss)*uint64(min(n, c.mss))/uint64(c.cwnd)))
	}
}

// releaseAcked forgets n acknowledged bytes of the queue.
func (c *Conn) releaseAcked(n int) {
	c.sndQueued -= n
	c.sndOffset += n
	for c.queueHead < c.queueTail && c.sndOffset >= len(c.queue[c.queueHead].data) {
		c.sndOffset -= len(c.queue[c.queueHead].data)
		c.queue[c.queueHead].data = nil
		c.queueHead++
	}
	switch {
	case c.queueHead == c.queueTail:
		c.queueHead, c.queueTail = 0, 0
	case c.queueTail == queueLen && c.queueHead > 0:
		k := copy(c.queue[:], c.queue[c.queueHead:])
		clear(c.queue[k:])
		c.queueHead, c.queueTail = 0, uint8(k)
	}
}

// updateRTT takes a round-trip time, RFC 6298 section 2. Only segments that were
// sent once are timed (Karn's algorithm, section 3).
func (s *Stack) updateRTT(c *Conn, r int64) {
	if c.srtt == 0 {
		c.srtt, c.rttvar = max(r, 1), r/2
	} else {
		d := c.srtt - r
		if d < 0 {
			d = -d
		}
		c.rttvar += (d - c.rttvar) / 4
		c.srtt += (r - c.srtt) / 8
	}
	s.updateRTO(c)
}

func (s *Stack) updateRTO(c *Conn) {
	if c.srtt == 0 {
		return
	}
	c.rto = min(max(c.srtt+max(4*c.rttvar, int64(time.Millisecond)), int64(s.cfg.MinRTO)), int64(maxRTO))
}

// restartTimer sets the time to look at a connection again: for the retransmission of
// what is in flight, RFC 6298 section 5, or for the end of an idle one.
func (s *Stack) restartTimer(c *Conn) {
	if c.sndUna != c.sndNxt || c.sndQueued != 0 {
		s.deadlines[c.id] = s.now + c.rto
		return
	}
	idle := s.cfg.IdleLimit
	if s.cfg.KeepAlive != 0 {
		idle = min(idle, s.cfg.KeepAlive)
	}
	s.deadlines[c.id] = c.lastReceived + int64(idle)
}
