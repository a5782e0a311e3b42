// SPDX-License-Identifier: Apache-2.0

package tcpip

// processAck processes the acknowledgement, the SACK blocks and the window of a
// segment on the slow path: the fifth step of RFC 9293 section 3.10.7.4.
func (s *Stack) processAck(c *Conn, g *segment) {
	var sackedBefore, sacked uint32
	if g.opts.sackCount > 0 && c.sackPermitted {
		if g.duplicateSACK() {
			if c.tailProbing && g.opts.sacks[0].to == c.tailProbe.end {
				c.tailProbing = false // the probe was needless
			} else if c.undoRetransmits > 0 {
				s.undoByDSACK(c)
			}
		}
		if c.sndNxt != c.sndUna {
			if c.loss != nil {
				sackedBefore = c.loss.sackedBytes()
			}
			if sacked = s.updateScoreboard(c, g); sacked != 0 {
				s.rackDelivered(c)
			}
			if c.loss != nil {
				s.rackDetectLoss(c)
			}
		}
	}
	acked := g.ack - c.sndUna
	if acked > c.sndNxt-c.sndUna { // old, but its SACK blocks may be news: RFC 6675 section 5
		acked = 0
		if sacked == 0 {
			return
		}
	} else {
		// RFC 5681 section 2 defines a duplicate; with SACK, it reports something new.
		wnd := g.wnd << c.sndWndShift
		if acked == 0 && !c.sackPermitted && c.sndNxt != c.sndUna && len(g.data) == 0 && g.flags&fin == 0 && wnd == c.sndWnd {
			sacked = c.mss
		}
		c.updateSndWnd(g, acked, wnd)
	}
	switch {
	case acked != 0:
		if c.tsEnabled && !c.rttTiming {
			s.updateRTTByTimestamp(c, g.opts.tsEcr)
		}
		if c.loss != nil {
			s.detectSpuriousRetransmit(c, g)
		}
		s.advanceSndUna(c, acked)
	case sacked != 0 && len(g.data) == 0 && g.flags&fin == 0:
		s.dupAckReceived(c, sackedBefore)
	}
	if l := c.loss; l != nil && l.recovering && !l.afterRTO && c.sackPermitted {
		l.reduceProportionally(c, acked+l.sackedBytes()-sackedBefore, acked != 0)
	}
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

// updateSndWnd takes the window of a segment, unless it is older than the one
// that was taken last. A segment that acknowledges something new is not older,
// even if it repeats data.
func (c *Conn) updateSndWnd(g *segment, acked, wnd uint32) {
	if acked == 0 && before(g.seq, c.sndWL1) {
		return
	}
	c.sndWL1 = g.seq
	c.sndWnd = wnd
	c.maxSndWnd = max(c.maxSndWnd, wnd)
}

// advanceSndUna moves SND.UNA forward by n.
func (s *Stack) advanceSndUna(c *Conn, n uint32) {
	c.sndUna += n
	c.rtoBackoff = 0
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
	case 2*c.maxFlight >= c.cwnd: // else the window was not in use: RFC 7661 section 4.3
		s.cc.grow(c, n, s.now)
	}
	if c.hasSendTimes {
		s.rackAcked(c)
	}
	if c.sndUna == c.sndNxt {
		c.maxFlight = 0
	}
	if c.hasRcvBuf {
		c.appRetry = true
	}
	c.lastProgress = s.now
	s.restartTimer(c)
}
