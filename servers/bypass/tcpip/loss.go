// SPDX-License-Identifier: Apache-2.0

package tcpip

// A lossState is what is known about what a connection's peer has not got. It
// exists only while something seems to be missing.
type lossState struct {
	recovering    bool   // in loss recovery, fast or after a time-out
	afterRTO      bool   // after a time-out: all that is not SACKed is lost
	recoveryPoint uint32 // RecoveryPoint: SND.NXT when it began
	highRxt       uint32 // HighRxt: lost data before this were sent again
	highRxtSent   uint32 // SND.NXT when the first hole was sent again
	scoreboard    [maxScoreboard]seqRange
	sacked        int
}

// maxScoreboard bounds the scoreboard; what does not fit counts as not received.
const maxScoreboard = 64

// dupThresh is DupThresh, RFC 6675 section 2.
const dupThresh = 3

func (s *Stack) ensureLossState(c *Conn) *lossState {
	if c.loss == nil {
		if n := len(s.freeLossStates); n > 0 {
			c.loss, s.freeLossStates = s.freeLossStates[n-1], s.freeLossStates[:n-1]
			*c.loss = lossState{}
		} else {
			c.loss = new(lossState)
		}
		c.loss.highRxt = c.sndUna
	}
	return c.loss
}

func (s *Stack) freeLossState(c *Conn) {
	if c.loss != nil {
		s.freeLossStates = append(s.freeLossStates, c.loss)
		c.loss = nil
	}
}

// updateScoreboard updates the scoreboard, RFC 6675 section 4 (Update), and tells whether it
// learned anything. Blocks outside of what is in flight are not believed; one
// before it is a D-SACK (RFC 2883), which changes nothing here.
func (s *Stack) updateScoreboard(c *Conn, g *segment) bool {
	una, flight := c.sndUna, c.sndNxt-c.sndUna
	if a := g.ack - una; a <= flight {
		una += a
		flight -= a
	}
	fresh := false
	for _, p := range g.opts.sacks[:g.opts.sackCount] {
		from, to := p.from-una, p.to-una
		if from >= to || to > flight {
			continue
		}
		l := s.ensureLossState(c)
		before := l.sackedBytes()
		if l.sacked == maxScoreboard { // full: only what joins a span is taken
			if n, ok := addRange(l.scoreboard[:], l.sacked, p); ok {
				l.sacked = n
			}
		} else {
			l.sacked, _ = addRange(l.scoreboard[:], l.sacked, p)
		}
		fresh = fresh || l.sackedBytes() != before
	}
	return fresh
}

// sackedBytes is the number of bytes on the scoreboard.
func (l *lossState) sackedBytes() (n uint32) {
	for _, p := range l.scoreboard[:l.sacked] {
		n += p.to - p.from
	}
	return n
}

// lostBelow is where what is lost ends: data before it that are not SACKed are
// lost, RFC 6675 section 4 (IsLost).
func (l *lossState) lostBelow(c *Conn) uint32 {
	if l.afterRTO {
		return l.recoveryPoint
	}
	var bytes uint32
	for i := l.sacked - 1; i >= 0; i-- {
		bytes += l.scoreboard[i].to - l.scoreboard[i].from
		if l.sacked-i >= dupThresh || bytes > (dupThresh-1)*c.mss {
			return l.scoreboard[i].from
		}
	}
	if l.recovering { // by duplicate ACKs: the first segment is lost for sure
		e := c.sndUna + min(c.mss, c.sndNxt-c.sndUna)
		if l.sacked > 0 && before(l.scoreboard[0].from, e) {
			e = l.scoreboard[0].from
		}
		return e
	}
	return c.sndUna
}

// pipe estimates the bytes in flight, RFC 6675 section 4 (SetPipe): what is not
// SACKed and not lost, and what was sent again.
func (l *lossState) pipe(c *Conn, edge uint32) uint32 {
	if !c.sackPermitted && !l.afterRTO { // each duplicate tells that a segment has left
		flight := c.sndNxt - c.sndUna
		return flight - min(flight, uint32(c.dupAcks)*c.mss)
	}
	var pipe uint32
	at := c.sndUna
	hole := func(to uint32) {
		if before(at, to) {
			pipe += overlap(at, to, edge, c.sndNxt) // not lost
			pipe += overlap(at, to, c.sndUna, l.highRxt)
		}
	}
	for _, p := range l.scoreboard[:l.sacked] {
		hole(p.from)
		at = p.to
	}
	hole(c.sndNxt)
	return pipe
}

// overlap is the length of what two stretches have in common.
func overlap(a, b, from, to uint32) uint32 {
	if before(a, from) {
		a = from
	}
	if before(to, b) {
		b = to
	}
	if before(a, b) {
		return b - a
	}
	return 0
}

// nextHole returns the first stretch at or after seq that is not SACKed, and ends
// at limit at the latest.
func (l *lossState) nextHole(seq, limit uint32) (from, to uint32) {
	for _, p := range l.scoreboard[:l.sacked] {
		if before(seq, p.from) {
			if before(p.from, limit) {
				limit = p.from
			}
			break
		}
		if before(seq, p.to) {
			seq = p.to
		}
	}
	return seq, limit
}

// dupAckReceived takes a duplicate acknowledgement: RFC 5681 section 3.2, RFC 6675
// section 5.
func (s *Stack) dupAckReceived(c *Conn) {
	if c.dupAcks < 255 {
		c.dupAcks++
	}
	l := s.ensureLossState(c)
	if l.recovering {
		l.detectLostRetransmit(c)
		return
	}
	if c.dupAcks >= dupThresh || before(c.sndUna, l.lostBelow(c)) {
		s.Stats.Recoveries++
		s.startRecovery(c)
		s.retransmit(c, true)
	}
}

// startRecovery halves the window: RFC 6675 section 5, (4.1) and (4.2).
func (s *Stack) startRecovery(c *Conn) {
	l := s.ensureLossState(c)
	c.reduceSsthresh(c.sndNxt - c.sndUna)
	c.cwnd = c.ssthresh
	l.recovering, l.afterRTO = true, false
	l.recoveryPoint, l.highRxt = c.sndNxt, c.sndUna
	c.rttTiming = false
}

// reduceSsthresh is equation (4) of RFC 5681.
func (c *Conn) reduceSsthresh(flight uint32) { c.ssthresh = max(flight/2, 2*c.mss) }

// detectLostRetransmit sees that the retransmission of the first hole was lost, too: data
// that were sent well after it have arrived. Without this each such loss waits
// for the timer.
func (l *lossState) detectLostRetransmit(c *Conn) {
	if l.sacked == 0 || !before(c.sndUna, l.highRxt) {
		return
	}
	if high := l.scoreboard[l.sacked-1].to; before(l.highRxtSent+(dupThresh-1)*c.mss, high) {
		c.reduceSsthresh(c.cwnd)
		c.cwnd = c.ssthresh
		l.highRxt, l.highRxtSent = c.sndUna, c.sndNxt
		l.afterRTO = false
	}
}

// ackInLossState takes an acknowledgement of n new bytes while something is
// missing.
func (s *Stack) ackInLossState(c *Conn, n uint32) {
	l := c.loss
	i := 0
	for i < l.sacked && !before(c.sndUna, l.scoreboard[i].to) {
		i++
	}
	l.sacked = copy(l.scoreboard[:], l.scoreboard[i:l.sacked])
	if l.sacked > 0 && before(l.scoreboard[0].from, c.sndUna) {
		l.scoreboard[0].from = c.sndUna
	}
	if before(l.highRxt, c.sndUna) {
		l.highRxt = c.sndUna
	}
	switch {
	case !l.recovering:
		c.growCwnd(n)
	case !before(c.sndUna, l.recoveryPoint): // all that was in flight has arrived
		l.recovering, l.afterRTO = false, false
	case l.afterRTO:
		c.growCwnd(n)
	case !c.sackPermitted: // partial acknowledgement: the next one is missing too, RFC 6582 section 3.2
		s.retransmit(c, true)
	}
	if !l.recovering && l.sacked == 0 {
		s.freeLossState(c)
	}
}

// retransmitTimedOut: RFC 6298 section 5.4 to 5.7 and RFC 5681 section 3.1. With real unset the
// segments were too long for the path, which tells nothing about congestion.
func (s *Stack) retransmitTimedOut(c *Conn, real bool) {
	l := s.ensureLossState(c)
	if real {
		s.Stats.Timeouts++
		if c.backoff == 0 {
			c.reduceSsthresh(c.sndNxt - c.sndUna)
		} else {
			l.sacked = 0 // the peer may have thrown away what it had: RFC 2018 section 8
		}
		c.backoff++
		c.rto = min(2*c.rto, int64(maxRTO))
		c.cwnd = c.mss
	}
	l.recovering, l.afterRTO = true, true
	l.recoveryPoint, l.highRxt = c.sndNxt, c.sndUna
	c.rttTiming, c.dupAcks = false, 0
	s.retransmit(c, true)
	s.restartTimer(c)
}

// retransmit sends what recovery allows, RFC 6675 section 5 (C) with NextSeg; the
// first segment whatever the window if it is forced.
func (s *Stack) retransmit(c *Conn, force bool) {
	l := c.loss
	edge := l.lostBelow(c)
	pipe := l.pipe(c, edge)
	for force || pipe+c.mss <= c.cwnd {
		at := l.highRxt
		if before(at, c.sndUna) {
			at = c.sndUna
		}
		from, to := l.nextHole(at, edge) // rule 1: lost
		if !before(from, to) {
			if s.sendNew(c) { // rule 2
				pipe += c.mss
				force = false
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
		if from == c.sndUna {
			l.highRxtSent = c.sndNxt
		}
		s.Stats.Retransmitted++
		s.sendData(c, from, n)
		l.highRxt = from + n
		pipe += n
		force = false
	}
}
