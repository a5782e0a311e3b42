package tcpip

import "time"

// Each connection has one time to be looked at, in a flat array by its number;
// what it is for follows from the connection's state. Setting one is a store;
// finding the due ones is a walk over the array, ten thousand in some
// microseconds, a hundred times a second.
const scanEvery = 10 * time.Millisecond

const (
	synRetries   = 5               // SYN-ACKs sent again
	probeRetries = 5               // keep-alive probes without an answer
	stallLimit   = 5 * time.Minute // of a window that stays closed
)

func (s *Stack) timers() {
	for id, due := range s.due {
		if due != 0 && due <= s.now {
			s.expired(s.conn(uint32(id)))
		}
	}
}

// expired looks at a connection whose time has come.
func (s *Stack) expired(c *Conn) {
	switch {
	case c.state == synReceived:
		if c.backoff++; c.backoff > synRetries {
			s.remove(c)
			return
		}
		c.rto = min(2*c.rto, int64(maxRTO))
		s.sendSynAck(c)
	case c.state == timeWait:
		s.remove(c)
	case c.sndUna != c.sndNxt:
		if s.now-c.moved > int64(s.cfg.ProgressLimit) {
			s.giveUp(c)
			return
		}
		s.timedOut(c, true)
	case c.queued != 0:
		s.persist(c)
	case s.now-c.moved >= int64(s.cfg.IdleLimit):
		s.idle(c)
	case s.cfg.KeepAlive != 0 && s.now-c.moved >= int64(s.cfg.KeepAlive):
		if c.backoff++; c.backoff > probeRetries {
			s.giveUp(c)
			return
		}
		s.probe(c)
		s.due[c.id] = s.now + min(int64(s.cfg.KeepAlive), int64(s.cfg.IdleLimit))
	default:
		s.rest(c)
	}
}

// giveUp: the peer has vanished.
func (s *Stack) giveUp(c *Conn) {
	s.Stats.GaveUp++
	s.abort(c)
}

// idle ends a connection that nobody uses. One that waits for the peer's FIN
// has waited long enough.
func (s *Stack) idle(c *Conn) {
	if c.state != established && c.state != closeWait {
		s.remove(c)
		return
	}
	c.Close()
	s.dropBuffer(c)
	s.output(c)
}

// persist is for a peer whose window is closed, RFC 9293 section 3.8.6.1, or too
// small for the rule against silly segments, section 3.8.6.2.1.
func (s *Stack) persist(c *Conn) {
	if s.now-c.sentAt > int64(stallLimit) || s.now-c.moved > int64(s.cfg.ProgressLimit) {
		s.giveUp(c)
		return
	}
	if c.sndWnd > 0 {
		c.maxWnd = c.sndWnd // from now on this is what the peer has
		c.cwnd = max(c.cwnd, c.mss)
		s.output(c)
		if c.sndUna != c.sndNxt {
			return
		}
	}
	s.probe(c)
	c.backoff = min(c.backoff+1, 12)
	s.due[c.id] = s.now + min(c.rto<<c.backoff, int64(maxRTO))
}

// probe sends a segment that the peer has to answer: its sequence number is
// one that was acknowledged long ago (RFC 9293 section 3.8.4).
func (s *Stack) probe(c *Conn) {
	s.Stats.Probes++
	s.sendEmpty(c, c.sndUna-1)
}

// wait puts a connection into TIME-WAIT, RFC 9293 section 3.3.2, or, where there are
// too many, forgets it.
func (s *Stack) wait(c *Conn) {
	if c.state != timeWait {
		if s.timeWait >= s.cfg.MaxTimeWait {
			if c.owes {
				s.sendAck(c)
			}
			s.remove(c)
			return
		}
		c.state = timeWait
		s.timeWait++
		s.dropBuffer(c)
		s.forgetLoss(c)
	}
	s.due[c.id] = s.now + int64(s.cfg.TimeWait)
}
