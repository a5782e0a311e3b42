// SPDX-License-Identifier: Apache-2.0

package tcpip

// detectSpuriousRetransmit is the Eifel algorithm, RFC 3522: if the first ACK
// after a retransmission echoes a timestamp from before it, the original has
// arrived, and nothing was lost.
func (s *Stack) detectSpuriousRetransmit(c *Conn, g *segment) {
	l := c.loss
	if !l.recovering || !l.retransmitted || !c.tsEnabled || c.undoCwnd == 0 {
		return
	}
	if !before(g.opts.tsEcr, l.retransmitTS) {
		c.undoCwnd = 0 // something was lost: the first ACK decides
		return
	}
	if !l.afterRTO && l.sacked > 0 {
		c.raiseReordering(l.scoreboard[l.sacked-1].to - c.sndUna)
	}
	l.recovering, l.afterRTO, l.mustRetransmit = false, false, false
	l.dupAcks = 0
	l.highRxt = c.sndUna
	l.rack.known = false
	s.undo(c, g.ack-c.sndUna)
}

// undoByDSACK takes the report of a segment that was received twice (RFC 2883).
// If all retransmissions since the window was reduced were needless, it was
// reduced for nothing.
func (s *Stack) undoByDSACK(c *Conn) {
	if c.undoRetransmits--; c.undoRetransmits == 0 && c.undoCwnd != 0 && (c.loss == nil || !c.loss.recovering) {
		s.undo(c, 0)
	}
}

// undo restores the window of before the last reduction: RFC 4015 section 3.2.
// Slow start fills it again, so that it causes no burst.
func (s *Stack) undo(c *Conn, acked uint32) {
	s.Stats.Undone++
	flight := c.sndNxt - c.sndUna - acked
	c.ssthresh = max(c.ssthresh, c.undoSsthresh, c.undoCwnd)
	c.cwnd = max(c.cwnd, min(c.undoCwnd, flight+max(acked, initialWindow*c.mss)), c.mss)
	c.cubic.epoch = 0
	c.undoCwnd, c.undoRetransmits = 0, 0
}
