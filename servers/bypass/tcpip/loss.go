package tcpip

// A loss is what is known about what a connection's peer has not got. It
// exists only while something seems to be missing.
type loss struct {
	recovering bool   // in loss recovery, fast or after a time-out
	timeout    bool   // after a time-out: all that is not SACKed is lost
	point      uint32 // RecoveryPoint: SND.NXT when it began
	rxt        uint32 // HighRxt: lost data before this were sent again
	mark       uint32 // SND.NXT when the first hole was sent again
	sacks      [maxSACKs]span
	n          int
}

// maxSACKs bounds the scoreboard; what does not fit counts as not received.
const maxSACKs = 64

// dupThresh is DupThresh, RFC 6675 section 2.
const dupThresh = 3

func (s *Stack) needLoss(c *Conn) *loss {
	if c.loss == nil {
		if n := len(s.losses); n > 0 {
			c.loss, s.losses = s.losses[n-1], s.losses[:n-1]
			*c.loss = loss{}
		} else {
			c.loss = new(loss)
		}
		c.loss.rxt = c.sndUna
	}
	return c.loss
}

func (s *Stack) forgetLoss(c *Conn) {
	if c.loss != nil {
		s.losses = append(s.losses, c.loss)
		c.loss = nil
	}
}

// takeSACK updates the scoreboard, RFC 6675 section 4 (Update), and tells whether it
// learned anything. Blocks outside of what is in flight are not believed; one
// before it is a D-SACK (RFC 2883), which changes nothing here.
func (s *Stack) takeSACK(c *Conn, g *segment) bool {
	una, flight := c.sndUna, c.sndNxt-c.sndUna
	if a := g.ack - una; a <= flight {
		una += a
		flight -= a
	}
	fresh := false
	for _, p := range g.opts.sacks[:g.opts.nsacks] {
		from, to := p.from-una, p.to-una
		if from >= to || to > flight {
			continue
		}
		l := s.needLoss(c)
		before := l.sacked()
		if l.n == maxSACKs { // full: only what joins a span is taken
			if n, ok := addSpan(l.sacks[:], l.n, p); ok {
				l.n = n
			}
		} else {
			l.n, _ = addSpan(l.sacks[:], l.n, p)
		}
		fresh = fresh || l.sacked() != before
	}
	return fresh
}

// sacked is the number of bytes on the scoreboard.
func (l *loss) sacked() (n uint32) {
	for _, p := range l.sacks[:l.n] {
		n += p.to - p.from
	}
	return n
}

// edge is where what is lost ends: data before it that are not SACKed are
// lost, RFC 6675 section 4 (IsLost).
func (l *loss) edge(c *Conn) uint32 {
	if l.timeout {
		return l.point
	}
	var bytes uint32
	for i := l.n - 1; i >= 0; i-- {
		bytes += l.sacks[i].to - l.sacks[i].from
		if l.n-i >= dupThresh || bytes > (dupThresh-1)*c.mss {
			return l.sacks[i].from
		}
	}
	if l.recovering { // by duplicate ACKs: the first segment is lost for sure
		e := c.sndUna + min(c.mss, c.sndNxt-c.sndUna)
		if l.n > 0 && before(l.sacks[0].from, e) {
			e = l.sacks[0].from
		}
		return e
	}
	return c.sndUna
}

// pipe estimates the bytes in flight, RFC 6675 section 4 (SetPipe): what is not
// SACKed and not lost, and what was sent again.
func (l *loss) pipe(c *Conn, edge uint32) uint32 {
	if !c.sacks && !l.timeout { // each duplicate tells that a segment has left
		flight := c.sndNxt - c.sndUna
		return flight - min(flight, uint32(c.dups)*c.mss)
	}
	var pipe uint32
	at := c.sndUna
	hole := func(to uint32) {
		if before(at, to) {
			pipe += overlap(at, to, edge, c.sndNxt) // not lost
			pipe += overlap(at, to, c.sndUna, l.rxt)
		}
	}
	for _, p := range l.sacks[:l.n] {
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

// hole returns the first stretch at or after seq that is not SACKed, and ends
// at limit at the latest.
func (l *loss) hole(seq, limit uint32) (from, to uint32) {
	for _, p := range l.sacks[:l.n] {
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

// duplicate takes a duplicate acknowledgement: RFC 5681 section 3.2, RFC 6675
// section 5.
func (s *Stack) duplicate(c *Conn) {
	if c.dups < 255 {
		c.dups++
	}
	l := s.needLoss(c)
	if l.recovering {
		l.lostAgain(c)
		return
	}
	if c.dups >= dupThresh || before(c.sndUna, l.edge(c)) {
		s.Stats.Recoveries++
		s.startRecovery(c)
		s.retransmit(c, true)
	}
}

// startRecovery halves the window: RFC 6675 section 5, (4.1) and (4.2).
func (s *Stack) startRecovery(c *Conn) {
	l := s.needLoss(c)
	c.halve(c.sndNxt - c.sndUna)
	c.cwnd = c.ssthresh
	l.recovering, l.timeout = true, false
	l.point, l.rxt = c.sndNxt, c.sndUna
	c.timing = false
}

// halve is equation (4) of RFC 5681.
func (c *Conn) halve(flight uint32) { c.ssthresh = max(flight/2, 2*c.mss) }

// lostAgain sees that the retransmission of the first hole was lost, too: data
// that were sent well after it have arrived. Without this each such loss waits
// for the timer.
func (l *loss) lostAgain(c *Conn) {
	if l.n == 0 || !before(c.sndUna, l.rxt) {
		return
	}
	if high := l.sacks[l.n-1].to; before(l.mark+(dupThresh-1)*c.mss, high) {
		c.halve(c.cwnd)
		c.cwnd = c.ssthresh
		l.rxt, l.mark = c.sndUna, c.sndNxt
		l.timeout = false
	}
}

// ackedInLoss takes an acknowledgement of n new bytes while something is
// missing.
func (s *Stack) ackedInLoss(c *Conn, n uint32) {
	l := c.loss
	i := 0
	for i < l.n && !before(c.sndUna, l.sacks[i].to) {
		i++
	}
	l.n = copy(l.sacks[:], l.sacks[i:l.n])
	if l.n > 0 && before(l.sacks[0].from, c.sndUna) {
		l.sacks[0].from = c.sndUna
	}
	if before(l.rxt, c.sndUna) {
		l.rxt = c.sndUna
	}
	switch {
	case !l.recovering:
		c.grow(n)
	case !before(c.sndUna, l.point): // all that was in flight has arrived
		l.recovering, l.timeout = false, false
	case l.timeout:
		c.grow(n)
	case !c.sacks: // partial acknowledgement: the next one is missing too, RFC 6582 section 3.2
		s.retransmit(c, true)
	}
	if !l.recovering && l.n == 0 {
		s.forgetLoss(c)
	}
}

// timedOut: RFC 6298 section 5.4 to 5.7 and RFC 5681 section 3.1. With real unset the
// segments were too long for the path, which tells nothing about congestion.
func (s *Stack) timedOut(c *Conn, real bool) {
	l := s.needLoss(c)
	if real {
		s.Stats.Timeouts++
		if c.backoff == 0 {
			c.halve(c.sndNxt - c.sndUna)
		} else {
			l.n = 0 // the peer may have thrown away what it had: RFC 2018 section 8
		}
		c.backoff++
		c.rto = min(2*c.rto, int64(maxRTO))
		c.cwnd = c.mss
	}
	l.recovering, l.timeout = true, true
	l.point, l.rxt = c.sndNxt, c.sndUna
	c.timing, c.dups = false, 0
	s.retransmit(c, true)
	s.rest(c)
}

// retransmit sends what recovery allows, RFC 6675 section 5 (C) with NextSeg; the
// first segment whatever the window if it is forced.
func (s *Stack) retransmit(c *Conn, force bool) {
	l := c.loss
	edge := l.edge(c)
	pipe := l.pipe(c, edge)
	for force || pipe+c.mss <= c.cwnd {
		at := l.rxt
		if before(at, c.sndUna) {
			at = c.sndUna
		}
		from, to := l.hole(at, edge) // rule 1: lost
		if !before(from, to) {
			if s.sendNew(c) { // rule 2
				pipe += c.mss
				force = false
				continue
			}
			if l.n == 0 {
				return
			}
			from, to = l.hole(at, l.sacks[l.n-1].from) // rule 3: perhaps lost
			if !before(from, to) {
				return
			}
		}
		n := min(to-from, c.mss)
		if from == c.sndUna {
			l.mark = c.sndNxt
		}
		s.Stats.Retransmitted++
		s.sendData(c, from, n)
		l.rxt = from + n
		pipe += n
		force = false
	}
}
