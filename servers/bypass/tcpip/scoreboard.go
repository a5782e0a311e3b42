// SPDX-License-Identifier: Apache-2.0

package tcpip

// maxScoreboard bounds the scoreboard; what does not fit counts as not received.
const maxScoreboard = 64

// dupThresh is DupThresh of RFC 6675 section 2, on a path without reordering.
const dupThresh = 3

// maxDupThresh bounds what reordering raises it to.
const maxDupThresh = 127

// updateScoreboard is Update of RFC 6675 section 4. It returns the number of
// bytes that are new on the scoreboard. Blocks outside of what is in flight are
// not believed; one before it is a D-SACK.
func (s *Stack) updateScoreboard(c *Conn, g *segment) uint32 {
	una, flight := c.sndUna, c.sndNxt-c.sndUna
	if acked := g.ack - una; acked <= flight {
		una += acked
		flight -= acked
	}
	learned := uint32(0)
	for _, p := range g.opts.sacks[:g.opts.sackCount] {
		from, to := p.from-una, p.to-una
		if from >= to || to > flight {
			continue
		}
		l := s.ensureLossState(c)
		old := l.sackedBytes()
		// A full scoreboard takes only what extends a range.
		l.sacked, _ = addRange(l.scoreboard[:], l.sacked, p)
		learned += l.sackedBytes() - old
	}
	return learned
}

// duplicateSACK reports whether the first SACK block reports a segment that was
// received twice: RFC 2883 section 4.
func (g *segment) duplicateSACK() bool {
	o := &g.opts
	first := o.sacks[0]
	return before(first.from, g.ack) && !before(g.ack, first.to) ||
		o.sackCount > 1 && !before(first.from, o.sacks[1].from) && !before(o.sacks[1].to, first.to)
}

// sackedBytes returns the number of bytes on the scoreboard.
func (l *lossState) sackedBytes() (n uint32) {
	for _, p := range l.scoreboard[:l.sacked] {
		n += p.to - p.from
	}
	return n
}

// trim removes what is acknowledged from the scoreboard.
func (l *lossState) trim(una uint32) {
	i := 0
	for i < l.sacked && !before(una, l.scoreboard[i].to) {
		i++
	}
	l.sacked = copy(l.scoreboard[:], l.scoreboard[i:l.sacked])
	if l.sacked > 0 && before(l.scoreboard[0].from, una) {
		l.scoreboard[0].from = una
	}
}

// lostBelow returns where the lost part ends: data before it that are not
// SACKed are lost, IsLost of RFC 6675 section 4.
func (l *lossState) lostBelow(c *Conn) uint32 {
	if l.afterRTO {
		return l.recoveryPoint
	}
	lost := l.lostByCount(c)
	if l.rack.known && before(lost, l.rack.lostTo) {
		lost = l.rack.lostTo
	}
	return lost
}

// lostByCount is lostBelow by the number of SACKed segments.
func (l *lossState) lostByCount(c *Conn) uint32 {
	thresh := c.reorderingThresh()
	var bytes uint32
	for i := l.sacked - 1; i >= 0; i-- {
		bytes += l.scoreboard[i].to - l.scoreboard[i].from
		if l.sacked-i >= thresh || bytes > uint32(thresh-1)*c.mss {
			return l.scoreboard[i].from
		}
	}
	if l.recovering { // by duplicate ACKs: at least the first segment is lost
		end := c.sndUna + min(c.mss, c.sndNxt-c.sndUna)
		if l.sacked > 0 && before(l.scoreboard[0].from, end) {
			end = l.scoreboard[0].from
		}
		return end
	}
	return c.sndUna
}

// reorderingThresh returns DupThresh, adapted to the reordering that the
// connection has seen, but never more than what is in flight can reach.
func (c *Conn) reorderingThresh() int {
	inFlight := int((c.sndNxt-c.sndUna)/c.mss) - 1
	return max(dupThresh, min(int(c.reordering), inFlight))
}

// pipe estimates the bytes in flight, SetPipe of RFC 6675 section 4: what is
// neither SACKed nor lost, and what was retransmitted.
func (l *lossState) pipe(c *Conn, lostBelow uint32) uint32 {
	if !c.sackPermitted && !l.afterRTO { // each duplicate ACK reports that a segment was received
		flight := c.sndNxt - c.sndUna
		return flight - min(flight, min(l.dupAcks, l.maxDupAcks)*c.mss)
	}
	var pipe uint32
	at := c.sndUna
	addHole := func(to uint32) {
		if before(at, to) {
			pipe += overlap(at, to, lostBelow, c.sndNxt)
			pipe += overlap(at, to, c.sndUna, l.highRxt)
		}
	}
	for _, p := range l.scoreboard[:l.sacked] {
		addHole(p.from)
		at = p.to
	}
	addHole(c.sndNxt)
	return pipe
}

// nextHole returns the first range at or after seq that is not SACKed, ending
// at limit.
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
