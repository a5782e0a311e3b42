// SPDX-License-Identifier: Apache-2.0

package tcpip

import "time"

// Each connection has one timer: its kind is in the connection, its deadline in
// a flat array by the connection's ID. Setting it is a store; finding those that
// have expired is a walk over the array, ten thousand in some microseconds, a
// hundred times per second.
const timerScanInterval = 10 * time.Millisecond

// A timerKind is what a connection's timer is for.
type timerKind uint8

const (
	timerIdle       timerKind = iota // idle, unread and keep-alive limits
	timerSynAck                      // retransmission of the SYN-ACK
	timerRetransmit                  // RFC 6298
	timerReordering                  // RFC 8985 section 6.3
	timerProbe                       // RFC 8985 section 7
	timerPersist                     // RFC 9293 section 3.8.6.1
	timerTimeWait                    // 2 MSL
)

// closedWindowLimit is how long the peer may keep its window closed (RFC 6429).
const closedWindowLimit = 5 * time.Minute

// keepAliveProbes is the number of keep-alive probes without an answer after
// which the peer counts as dead.
const keepAliveProbes = 5

func (s *Stack) scanTimers() {
	for id, at := range s.deadlines {
		if at != 0 && at <= s.now {
			s.timerExpired(s.conn(uint32(id)))
		}
	}
}

func (s *Stack) setTimer(c *Conn, kind timerKind, at int64) {
	c.timer = kind
	s.deadlines[c.id] = at
}

func (s *Stack) timerExpired(c *Conn) {
	switch c.timer {
	case timerSynAck:
		s.synAckTimedOut(c)
	case timerRetransmit:
		if c.rtoBackoff == 0 {
			c.retransmitSince = s.now
		} else if s.now-c.retransmitSince > int64(s.cfg.ProgressLimit) {
			s.abortDead(c)
			return
		}
		s.retransmitTimedOut(c)
	case timerReordering:
		s.reorderingTimedOut(c)
	case timerProbe:
		s.probeTail(c)
	case timerPersist:
		s.persistTimedOut(c)
	case timerTimeWait:
		s.remove(c)
	case timerIdle:
		s.idleTimedOut(c)
	}
}

// restartTimer sets the timer after an acknowledgement or a time-out: for the
// retransmission of what is in flight (RFC 6298 section 5.3), or for what waits
// to be sent, or for the end of an idle connection.
func (s *Stack) restartTimer(c *Conn) {
	switch {
	case c.sndUna != c.sndNxt:
		s.armRetransmit(c)
	case c.sndQueued != 0:
		s.startPersist(c)
	default:
		s.setTimer(c, timerIdle, s.idleDeadline(c))
	}
}

// idleDeadline returns when idleTimedOut should look at the connection next.
func (s *Stack) idleDeadline(c *Conn) int64 {
	at := c.lastProgress + int64(s.cfg.IdleLimit)
	if c.hasRcvBuf {
		at = min(at, c.unreadSince+int64(s.cfg.UnreadLimit))
	}
	if s.cfg.KeepAlive != 0 {
		at = min(at, s.now+int64(s.cfg.KeepAlive))
	}
	return at
}

// idleTimedOut closes a connection that has been idle for too long, or whose
// request is incomplete for too long, and probes an idle peer (RFC 9293 section
// 3.8.4).
func (s *Stack) idleTimedOut(c *Conn) {
	silent := s.now - max(c.lastProgress, c.lastReceived)
	switch keepAlive := int64(s.cfg.KeepAlive); {
	case s.now-c.lastProgress >= int64(s.cfg.IdleLimit) || c.hasRcvBuf && s.now-c.unreadSince >= int64(s.cfg.UnreadLimit):
		s.closeIdle(c)
		return
	case keepAlive != 0 && silent >= (keepAliveProbes+1)*keepAlive:
		s.abortDead(c)
		return
	case keepAlive != 0 && silent >= keepAlive:
		s.sendProbe(c)
	}
	s.setTimer(c, timerIdle, s.idleDeadline(c))
}

// closeIdle closes a connection, or deletes it if it has waited for the peer's
// FIN.
func (s *Stack) closeIdle(c *Conn) {
	if c.state != established && c.state != closeWait {
		s.remove(c)
		return
	}
	c.Close()
	s.freeRcvBuf(c)
	s.output(c)
}

// abortDead drops a connection whose peer stopped answering (R2 of RFC 9293
// section 3.8.3).
func (s *Stack) abortDead(c *Conn) {
	s.Stats.AbortedDead++
	s.abort(c)
}

// startPersist starts the persist timer, if it is not running: data wait, none
// are in flight, and the peer's window is closed (RFC 9293 section 3.8.6.1) or
// too small to be worth a segment (section 3.8.6.2.1).
func (s *Stack) startPersist(c *Conn) {
	if c.timer == timerPersist {
		return
	}
	c.persistBackoff, c.persistSince = 0, s.now
	s.setTimer(c, timerPersist, s.now+c.rto)
}

// persistTimedOut sends what fits into the window, or a probe. Probes become
// less frequent whether the peer answers or not (SHLD-30).
func (s *Stack) persistTimedOut(c *Conn) {
	if s.now-c.persistSince > int64(closedWindowLimit) ||
		s.now-max(c.persistSince, c.lastReceived) > int64(s.cfg.ProgressLimit) {
		s.abortDead(c)
		return
	}
	if c.sndWnd > 0 {
		c.maxSndWnd = c.sndWnd // it is all that the peer has now
		c.cwnd = max(c.cwnd, c.mss)
		s.output(c)
		if c.sndUna != c.sndNxt {
			return
		}
	}
	s.sendProbe(c)
	c.persistBackoff = min(c.persistBackoff+1, 12)
	s.setTimer(c, timerPersist, s.now+min(c.rto<<c.persistBackoff, int64(maxRTO)))
}

// sendProbe sends a segment that the peer must answer: its sequence number has
// been acknowledged (RFC 9293 section 3.8.4).
func (s *Stack) sendProbe(c *Conn) {
	s.Stats.Probes++
	s.sendEmpty(c, c.sndUna-1)
}

// enterTimeWait puts a connection into TIME-WAIT, RFC 9293 section 3.3.2, or,
// where there are MaxTimeWait already, deletes it.
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
	s.setTimer(c, timerTimeWait, s.now+int64(s.cfg.TimeWait))
}
