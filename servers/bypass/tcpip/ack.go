package tcpip

import "time"

const (
	initialRTO = time.Second      // RFC 6298 section 2.1
	maxRTO     = 60 * time.Second // section 2.5
)

// takeAck takes the acknowledgement and the window of a segment the long way:
// RFC 9293 section 3.10.7.4, fifth.
func (s *Stack) takeAck(c *Conn, g *segment) {
	acks := g.ack - c.sndUna
	if acks > c.sndNxt-c.sndUna { // old
		return
	}
	wnd := g.wnd << c.scale
	fresh := false
	if c.sacks && g.opts.nsacks > 0 && c.sndNxt != c.sndUna {
		fresh = s.takeSACK(c, g)
	}
	if acks == 0 {
		// RFC 5681 section 2: what counts as a duplicate; with SACK, what brings news.
		if c.sndNxt != c.sndUna && len(g.data) == 0 && g.flags&fin == 0 && (fresh || !c.sacks && wnd == c.sndWnd) {
			s.duplicate(c)
		}
		s.newWindow(c, g, wnd)
		return
	}
	s.newWindow(c, g, wnd)
	s.acked(c, acks)
	if c.sndUna != c.sndNxt || !c.ended {
		return
	}
	// Our FIN is acknowledged.
	switch c.state {
	case finWait1:
		c.state = finWait2
	case closing:
		s.wait(c)
	case lastAck:
		s.remove(c)
	default:
	}
}

// newWindow takes the window, unless the segment is older than the one that
// told the last: since SND.WL1 and WL2 are only there to tell that, and data
// older than RCV.NXT are the only sign of it that matters, they are not kept.
func (s *Stack) newWindow(c *Conn, g *segment, wnd uint32) {
	if before(g.seq, c.rcvNxt) && len(g.data) > 0 {
		return
	}
	if c.sndWnd == 0 && wnd > 0 {
		c.backoff = 0
	}
	c.sndWnd = wnd
	c.maxWnd = max(c.maxWnd, wnd)
}

// acked moves SND.UNA forward by n.
func (s *Stack) acked(c *Conn, n uint32) {
	flight := c.sndNxt - c.sndUna
	c.sndUna += n
	c.dups = 0
	if c.backoff != 0 {
		c.backoff = 0
		s.setRTO(c)
	}
	data := int(n)
	if c.ended && c.sndUna == c.sndNxt {
		data--
	}
	c.release(data)
	if c.timing && !before(c.sndUna, c.timed) {
		c.timing = false
		s.measured(c, s.now-c.timedAt)
	}
	switch {
	case c.loss != nil:
		s.ackedInLoss(c, n)
	case 2*flight >= c.cwnd: // else the window was no bound: RFC 7661 section 4.3
		c.grow(n)
	}
	s.rest(c)
}

// grow is slow start and congestion avoidance, RFC 5681 section 3.1.
func (c *Conn) grow(n uint32) {
	const most = 1 << 30
	switch {
	case c.cwnd >= most:
	case c.cwnd < c.ssthresh:
		c.cwnd += min(n, c.mss)
	default:
		c.cwnd += max(1, uint32(uint64(c.mss)*uint64(min(n, c.mss))/uint64(c.cwnd)))
	}
}

// release forgets n acknowledged bytes of the queue.
func (c *Conn) release(n int) {
	c.queued -= n
	c.offset += n
	for c.first < c.beyond && c.offset >= len(c.queue[c.first].data) {
		c.offset -= len(c.queue[c.first].data)
		c.queue[c.first].data = nil
		c.first++
	}
	switch {
	case c.first == c.beyond:
		c.first, c.beyond = 0, 0
	case c.beyond == queueLen && c.first > 0:
		k := copy(c.queue[:], c.queue[c.first:])
		clear(c.queue[k:])
		c.first, c.beyond = 0, uint8(k)
	}
}

// measured takes a round-trip time, RFC 6298 section 2. Only segments that were
// sent once are timed (Karn's algorithm, section 3).
func (s *Stack) measured(c *Conn, r int64) {
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
	s.setRTO(c)
}

func (s *Stack) setRTO(c *Conn) {
	if c.srtt == 0 {
		return
	}
	c.rto = min(max(c.srtt+max(4*c.rttvar, int64(time.Millisecond)), int64(s.cfg.MinRTO)), int64(maxRTO))
}

// rest sets the time to look at a connection again: for the retransmission of
// what is in flight, RFC 6298 section 5, or for the end of an idle one.
func (s *Stack) rest(c *Conn) {
	if c.sndUna != c.sndNxt || c.queued != 0 {
		s.due[c.id] = s.now + c.rto
		return
	}
	idle := s.cfg.IdleLimit
	if s.cfg.KeepAlive != 0 {
		idle = min(idle, s.cfg.KeepAlive)
	}
	s.due[c.id] = c.moved + int64(idle)
}
