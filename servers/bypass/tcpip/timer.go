// SPDX-License-Identifier: Apache-2.0

package tcpip

import "time"

// Each connection has one time to be looked at, in a flat array by its number;
// what it is for follows from the connection's state. Setting one is a store;
// finding the due ones is a walk over the array, ten thousand in some
// microseconds, a hundred times a second.
const timerScanInterval = 10 * time.Millisecond

const (
	synRetries        = 5               // SYN-ACKs sent again
	keepAliveProbes   = 5               // keep-alive probes without an answer
	closedWindowLimit = 5 * time.Minute // of a window that stays closed
)

func (s *Stack) scanTimers() {
	for id, due := range s.deadlines {
		if due != 0 && due <= s.now {
			s.timerExpired(s.conn(uint32(id)))
		}
	}
}

// timerExpired looks at a connection whose time has come.
func (s *Stack) timerExpired(c *Conn) {
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
		if s.now-c.lastReceived > int64(s.cfg.ProgressLimit) {
			s.abortDead(c)
			return
		}
		s.retransmitTimedOut(c, true)
	case c.sndQueued != 0:
		s.persistTimedOut(c)
	case s.now-c.lastReceived >= int64(s.cfg.IdleLimit):
		s.closeIdle(c)
	case s.cfg.KeepAlive != 0 && s.now-c.lastReceived >= int64(s.cfg.KeepAlive):
		if c.backoff++; c.backoff > keepAliveProbes {
			s.abortDead(c)
			return
		}
		s.sendProbe(c)
		s.deadlines[c.id] = s.now + min(int64(s.cfg.KeepAlive), int64(s.cfg.IdleLimit))
	default:
		s.restartTimer(c)
	}
}

// abortDead: the peer has vanished.
func (s *Stack) abortDead(c *Conn) {
	s.Stats.AbortedDead++
	s.abort(c)
}

// closeIdle ends a connection that nobody uses. One that waits for the peer's FIN
// has waited long enough.
func (s *Stack) closeIdle(c *Conn) {
	if c.state != established && c.state != closeWait {
		s.remove(c)
		return
	}
	c.Close()
	s.freeRcvBuf(c)
	s.output(c)
}

// persistTimedOut is for a peer whose window is closed, RFC 9293 section 3.8.6.1, or too
// small for the rule against silly segments, section 3.8.6.2.1.
func (s *Stack) persistTimedOut(c *Conn) {
	if s.now-c.lastDataSent > int64(closedWindowLimit) || s.now-c.lastReceived > int64(s.cfg.ProgressLimit) {
		s.abortDead(c)
		return
	}
	if c.sndWnd > 0 {
		c.maxSndWnd = c.sndWnd // from now on this is what the peer has
		c.cwnd = max(c.cwnd, c.mss)
		s.output(c)
		if c.sndUna != c.sndNxt {
			return
		}
	}
	s.sendProbe(c)
	c.backoff = min(c.backoff+1, 12)
	s.deadlines[c.id] = s.now + min(c.rto<<c.backoff, int64(maxRTO))
}

// sendProbe sends a segment that the peer has to answer: its sequence number is
// one that was acknowledged long ago (RFC 9293 section 3.8.4).
func (s *Stack) sendProbe(c *Conn) {
	s.Stats.Probes++
	s.sendEmpty(c, c.sndUna-1)
}

// enterTimeWait puts a connection into TIME-WAIT, RFC 9293 section 3.3.2, or, where there are
// too many, forgets it.
func (s *Stack) enterTimeWait(c *Conn) {
	if c.state != timeWait {
		if s.timeWaits >= s.cfg.MaxTimeWait {
			if c.ackPending {
				s.sendAck(c)
			}
			s.remove(c)
			return
		}
		c.state = timeWait
		s.timeWaits++
		s.freeRcvBuf(c)
		s.freeLossState(c)
	}
	s.deadlines[c.id] = s.now + int64(s.cfg.TimeWait)
}
