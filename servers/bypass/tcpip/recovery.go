// SPDX-License-Identifier: Apache-2.0

package tcpip

// A lossState is the SACK scoreboard and the state of loss recovery. It exists
// only while something seems to be missing.
type lossState struct {
	recovering     bool   // in fast recovery or after a time-out
	afterRTO       bool   // after a time-out: all that is not SACKed is lost
	mustRetransmit bool   // the next segment, whatever the window
	recoveryPoint  uint32 // RecoveryPoint: SND.NXT when recovery began
	highRxt        uint32 // HighRxt: lost data before this were retransmitted
	reducedAt      uint32 // SND.NXT when the window was reduced last
	dupAcks        uint32 // duplicate ACKs in a row
	maxDupAcks     uint32 // how many of them can be of segments: those in flight when recovery began

	// The end of the last recovery after a time-out: duplicate ACKs at it are of
	// its own retransmissions (RFC 6582 section 4.1).
	hasRecover bool
	recover    uint32

	prr  proportionalReduction
	rack rack

	again  [32]retransmission // ring
	agains int                // retransmissions so far

	retransmitted bool   // something, since recovery began
	retransmitTS  uint32 // TSval of the first such segment

	scoreboard [maxScoreboard]seqRange
	sacked     int // ranges on it
}

func (s *Stack) ensureLossState(c *Conn) *lossState {
	if c.loss == nil {
		if n := len(s.freeLossStates); n > 0 {
			c.loss, s.freeLossStates = s.freeLossStates[n-1], s.freeLossStates[:n-1]
			*c.loss = lossState{}
		} else {
			c.loss = new(lossState)
		}
		c.loss.highRxt = c.sndUna
		c.loss.maxDupAcks = (c.sndNxt - c.sndUna) / c.mss
	}
	return c.loss
}

func (s *Stack) freeLossState(c *Conn) {
	if c.loss != nil {
		s.freeLossStates = append(s.freeLossStates, c.loss)
		c.loss = nil
	}
}

// dupAckReceived processes a duplicate acknowledgement, which found that much on
// the scoreboard: RFC 5681 section 3.2, RFC 6675 section 5.
func (s *Stack) dupAckReceived(c *Conn, sackedBefore uint32) {
	l := s.ensureLossState(c)
	l.dupAcks++
	if c.timer == timerProbe { // RFC 8985 section 7.2: not while something is missing
		s.setTimer(c, timerRetransmit, s.now+c.rto)
	}
	switch {
	case l.recovering:
		l.detectLostRetransmit(s, c)
	case !c.sackPermitted && l.hasRecover && !before(l.recover, c.sndUna):
	case l.dupAcks >= uint32(c.reorderingThresh()) || before(c.sndUna, l.lostBelow(c)):
		s.enterRecovery(c, sackedBefore)
	case c.sackPermitted:
		s.armReorderingTimer(c)
	}
}

// enterRecovery begins fast recovery: RFC 6675 section 5, (4.1) and (4.2). The ACK
// at hand found that much on the scoreboard.
func (s *Stack) enterRecovery(c *Conn, sackedBefore uint32) {
	s.Stats.Recoveries++
	c.tailProbing = false
	l := s.ensureLossState(c)
	flight := c.sndNxt - c.sndUna
	s.reduceWindow(c, min(flight, c.cwnd)) // without limited transmit: RFC 5681 section 3.2
	c.cwnd = c.ssthresh
	l.recovering, l.afterRTO, l.mustRetransmit, l.retransmitted = true, false, true, false
	l.recoveryPoint, l.highRxt, l.reducedAt = c.sndNxt, c.sndUna, c.sndNxt
	l.maxDupAcks = flight / c.mss
	l.prr.start(flight - sackedBefore)
}

// reduceWindow reacts to congestion and remembers the window, in case there was
// none.
func (s *Stack) reduceWindow(c *Conn, flight uint32) {
	c.undoCwnd, c.undoSsthresh, c.undoRetransmits = c.cwnd, c.ssthresh, 0
	s.cc.reduce(c, flight)
}

// A retransmission is a segment that was sent again.
type retransmission struct {
	seqRange
	sndNxt uint32 // SND.NXT when it was sent
	at     int64
}

// noteRetransmission keeps the last retransmissions.
func (s *Stack) noteRetransmission(c *Conn, r seqRange) {
	l := c.loss
	l.again[l.agains%len(l.again)] = retransmission{r, c.sndNxt, s.now}
	l.agains++
}

// lastRetransmission returns the last retransmission of seq, or nil.
func (l *lossState) lastRetransmission(seq uint32) *retransmission {
	for i := l.agains - 1; i >= 0 && i >= l.agains-len(l.again); i-- {
		if r := &l.again[i%len(l.again)]; r.contains(seq) {
			return r
		}
	}
	return nil
}

// detectLostRetransmit retransmits the first hole again if data that were sent
// after its retransmission, and either well after it or long ago, have arrived.
// Without this each lost retransmission would wait for the timer. It is another
// sign of congestion (RFC 5681 section 4.3), unless the retransmission was sent
// before the last one was seen.
func (l *lossState) detectLostRetransmit(s *Stack, c *Conn) {
	if l.sacked == 0 || !before(c.sndUna, l.highRxt) {
		return
	}
	r := l.lastRetransmission(c.sndUna)
	if r == nil { // forgotten
		s.noteRetransmission(c, seqRange{c.sndUna, c.sndUna + 1})
		return
	}
	high := l.scoreboard[l.sacked-1].to
	if !before(r.sndNxt+uint32(c.reorderingThresh()-1)*c.mss, high) &&
		!(l.rack.known && before(r.sndNxt, high) && s.now-r.at > l.rack.rtt+c.reorderingWindow()) {
		return
	}
	if !before(r.sndNxt, l.reducedAt) {
		s.cc.reduce(c, c.cwnd)
		c.cwnd = c.ssthresh
		l.reducedAt = c.sndNxt
		l.prr.start(c.sndNxt - c.sndUna)
	}
	l.afterRTO = false
	from, to := l.nextHole(c.sndUna, l.highRxt)
	s.sendAgain(c, from, min(to-from, c.mss))
}

// ackInLossState processes an acknowledgement of n new bytes while something is
// missing.
func (s *Stack) ackInLossState(c *Conn, n uint32) {
	l := c.loss
	c.detectReordering(n)
	l.dupAcks = 0
	// What the peer has received now. After a time-out it may have received the
	// most of n before: RFC 3465 section 2.3.
	delivered := n
	if c.sackPermitted {
		delivered -= l.sackedBytes()
		l.trim(c.sndUna)
		delivered += l.sackedBytes()
	} else if l.afterRTO {
		delivered = min(n, c.mss)
	}
	if before(l.highRxt, c.sndUna) {
		l.highRxt = c.sndUna
	}
	switch {
	case !l.recovering:
		s.cc.grow(c, n, s.now)
	case !before(c.sndUna, l.recoveryPoint): // all that was in flight has arrived
		l.hasRecover, l.recover = l.afterRTO && !c.sackPermitted, l.recoveryPoint
		if l.afterRTO {
			s.cc.grow(c, delivered, s.now)
		} else {
			c.cwnd = c.ssthresh
		}
		l.recovering, l.afterRTO = false, false
	case l.afterRTO:
		s.cc.grow(c, delivered, s.now)
	case !c.sackPermitted: // partial acknowledgement: the next one is missing, too, RFC 6582 section 3.2
		l.mustRetransmit = true
	default:
		l.detectLostRetransmit(s, c)
	}
	if l.hasRecover && before(l.recover, c.sndUna) {
		l.hasRecover = false
	}
	if !l.recovering && l.sacked == 0 && !l.hasRecover {
		s.freeLossState(c)
	}
}

// detectReordering raises DupThresh if n bytes that are acknowledged now were
// overtaken by others: they are below the highest SACKed byte, and were not
// retransmitted.
func (c *Conn) detectReordering(n uint32) {
	l := c.loss
	if start := c.sndUna - n; l.sacked > 0 && !before(start, l.highRxt) && !l.afterRTO {
		c.raiseReordering(l.scoreboard[l.sacked-1].to - start)
	}
}

func (c *Conn) raiseReordering(distance uint32) {
	c.reordering = max(c.reordering, uint8(min(distance/c.mss+1, maxDupThresh)))
}

// retransmitTimedOut retransmits after the timer has expired: RFC 6298 section
// 5.4 to 5.7, RFC 5681 section 3.1.
func (s *Stack) retransmitTimedOut(c *Conn) {
	l := s.ensureLossState(c)
	s.Stats.Timeouts++
	c.tailProbing = false
	if c.rtoBackoff == 0 {
		if !l.recovering {
			l.retransmitted = false // what follows is the first retransmission
			s.reduceWindow(c, c.sndNxt-c.sndUna)
		} else {
			s.cc.reduce(c, c.sndNxt-c.sndUna)
		}
	} else {
		l.sacked = 0 // the peer may have discarded it: RFC 2018 section 8
	}
	if c.rtoBackoff < 255 {
		c.rtoBackoff++
	}
	c.rto = min(2*c.rto, int64(maxRTO))
	c.cwnd = c.mss
	s.goBack(c)
}

// retransmitSmaller retransmits all that is in flight in smaller segments, which
// is no sign of congestion.
func (s *Stack) retransmitSmaller(c *Conn) {
	s.ensureLossState(c)
	s.goBack(c)
}

// goBack treats all that is in flight as lost.
func (s *Stack) goBack(c *Conn) {
	l := c.loss
	l.recovering, l.afterRTO, l.mustRetransmit = true, true, true
	l.recoveryPoint, l.highRxt = c.sndNxt, c.sndUna
	l.dupAcks = 0
	c.rttTiming = false
	s.retransmit(c)
	s.restartTimer(c)
}

// retransmit sends what recovery allows, RFC 6675 section 5 (C) with NextSeg.
func (s *Stack) retransmit(c *Conn) {
	l := c.loss
	lostBelow := l.lostBelow(c)
	pipe := l.pipe(c, lostBelow)
	for l.mustRetransmit || pipe+c.mss <= c.cwnd {
		at := l.highRxt
		if before(at, c.sndUna) {
			at = c.sndUna
		}
		from, to := l.nextHole(at, lostBelow) // rule 1: lost
		if !before(from, to) {
			if s.sendNew(c) { // rule 2
				pipe += c.mss
				l.mustRetransmit = false
				continue
			}
			if l.sacked == 0 {
				return
			}
			from, to = l.nextHole(at, l.scoreboard[l.sacked-1].from) // rule 3: perhaps lost
			if !before(from, to) {
				return
			}
		}
		n := min(to-from, c.mss)
		s.sendAgain(c, from, n)
		l.highRxt = from + n
		pipe += n
		l.mustRetransmit = false
	}
}

// sendAgain retransmits a segment.
func (s *Stack) sendAgain(c *Conn, from, n uint32) {
	l := c.loss
	if !l.retransmitted {
		l.retransmitted, l.retransmitTS = true, s.tsVal(c.tsOffset)
	}
	s.noteRetransmission(c, seqRange{from, from + n})
	c.undoRetransmits++
	c.rttTiming = false // Karn's algorithm
	s.Stats.Retransmitted++
	s.sendData(c, from, n)
	l.prr.out += n
}
