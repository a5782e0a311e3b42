// SPDX-License-Identifier: Apache-2.0

package tcpip

import "time"

// RACK-TLP, RFC 8985, for connections with SACK. Its time rule finds what counting
// SACKed segments (RFC 6675) cannot: losses at the end of a flight. Where segments
// overtake each other the number that counts is adapted instead (reorderingThresh),
// and the reordering window is as long as it may be.

// A rack is the state of RACK in a lossState.
type rack struct {
	sentAt int64  // RACK.xmit_ts: when the last sent of what has arrived was sent
	end    uint32 // what was sent before it ends here
	rtt    int64  // RACK.rtt: how long it took
	lostTo uint32 // what is neither SACKed nor sent again, and before this, is lost
	known  bool
}

// tailProbe is a connection's loss probe, section 7.
type tailProbe struct {
	end        uint32 // TLP.end_seq
	sentAt     int64
	retransmit bool // TLP.is_retrans
}

// rackDelivered takes the time of the newest data that an ACK reports for the
// first time: section 6.2, steps 1 and 2.
func (s *Stack) rackDelivered(c *Conn) {
	l := c.loss
	if !c.hasSendTimes || l.sacked == 0 {
		return
	}
	r := &l.rack
	high := l.scoreboard[l.sacked-1].to
	at, end := c.sendTimes.of(high-1), high
	if p := &c.tailProbe; c.tailProbing && p.retransmit && high == p.end && s.now-p.sentAt >= c.srtt/2 {
		at, end = p.sentAt, c.sndNxt // it was the probe that arrived
	}
	if !r.known || at > r.sentAt {
		r.sentAt, r.end, r.rtt = at, end, s.now-at
	} else if at == r.sentAt && before(r.end, end) {
		r.end = end
	}
	if !r.known {
		r.known, r.lostTo = true, c.sndUna
	}
}

// reorderingWindow is RACK.reo_wnd, section 6.2, step 4. SRTT stands for min_RTT.
func (c *Conn) reorderingWindow() int64 {
	if c.reordering > 0 {
		return c.srtt
	}
	return c.srtt/4 + c.srtt/marksPerRTT
}

// rackDetectLoss marks what is lost by now: section 6.2, step 5.
func (s *Stack) rackDetectLoss(c *Conn) {
	r := &c.loss.rack
	if !r.known || !c.hasSendTimes {
		return
	}
	lost := c.sendTimes.after(s.now-r.rtt-c.reorderingWindow(), c.sndNxt)
	if before(r.end, lost) {
		lost = r.end
	}
	if top := c.loss.scoreboard[max(c.loss.sacked-1, 0)]; c.loss.sacked > 0 && top.contains(lost-1) {
		lost = top.from // the rest has arrived
	}
	if before(r.lostTo, lost) {
		r.lostTo = lost
	}
}

// armReorderingTimer sets the timer for the time at which the first segment in
// flight is lost, unless it arrives until then.
func (s *Stack) armReorderingTimer(c *Conn) {
	if r := &c.loss.rack; r.known && c.hasSendTimes {
		s.setTimer(c, timerReordering, min(s.now+c.rto, c.sendTimes.of(c.sndUna)+r.rtt+c.reorderingWindow()+1))
	}
}

// reorderingTimedOut begins recovery if the first segment is still missing.
func (s *Stack) reorderingTimedOut(c *Conn) {
	s.setTimer(c, timerRetransmit, s.now+c.rto)
	l := c.loss
	if l == nil || l.recovering {
		return
	}
	s.rackDetectLoss(c)
	if before(c.sndUna, l.lostBelow(c)) {
		s.enterRecovery(c, l.sackedBytes())
		s.output(c)
	}
}

// minProbeTimeout keeps a loss probe from what merely waits for its CPU.
const minProbeTimeout = int64(2 * time.Millisecond)

// armRetransmit sets the timer for what is in flight: the retransmission time-out,
// or the loss probe if it comes before it. With a single segment in flight it does
// not, since the peer may delay its ACK (section 7.2).
func (s *Stack) armRetransmit(c *Conn) {
	if c.sndNxt-c.sndUna > c.mss && c.sackPermitted && c.srtt != 0 && c.loss == nil && !c.tailProbing {
		if pto := max(2*c.srtt, minProbeTimeout); pto < c.rto {
			s.setTimer(c, timerProbe, s.now+pto)
			return
		}
	}
	s.setTimer(c, timerRetransmit, s.now+c.rto)
}

// probeTail sends a loss probe, section 7.3: new data if there are any, or else the
// last segment again. If the end of the flight was lost, the probe's SACK shows it.
func (s *Stack) probeTail(c *Conn) {
	s.Stats.TailProbes++
	cwnd := c.cwnd
	c.cwnd = max(cwnd, c.sndNxt-c.sndUna+c.mss)
	isNew := s.sendNew(c)
	c.cwnd = cwnd
	if !isNew {
		n := min(c.mss, c.sndNxt-c.sndUna)
		if before(c.sndNxt-n, c.rttSeq) {
			c.rttTiming = false // Karn's algorithm
		}
		s.Stats.Retransmitted++
		s.sendData(c, c.sndNxt-n, n)
	}
	c.tailProbing, c.tailProbe = true, tailProbe{c.sndNxt, s.now, !isNew}
	s.setTimer(c, timerRetransmit, s.now+c.rto)
}

// rackAcked takes an acknowledgement of new data.
func (s *Stack) rackAcked(c *Conn) {
	if c.tailProbing && !before(c.sndUna, c.tailProbe.end) {
		s.tailProbeAcked(c)
	}
	if c.sndUna == c.sndNxt && !c.tailProbing {
		s.releaseSendTimes(c)
	} else {
		c.sendTimes.trim(c.sndUna)
	}
}

// tailProbeAcked ends a probe whose data are acknowledged: section 7.4.2. If a
// retransmission was sent, no D-SACK has come, and the peer has gone beyond it,
// the probe has repaired a loss, which is a sign of congestion.
func (s *Stack) tailProbeAcked(c *Conn) {
	if !c.tailProbe.retransmit {
		c.tailProbing = false
	} else if before(c.tailProbe.end, c.sndUna) {
		c.tailProbing = false
		s.reduceWindow(c, c.cwnd)
		c.cwnd = min(c.cwnd, c.ssthresh)
	}
}
