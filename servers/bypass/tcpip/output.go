// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"encoding/binary"

	"crossing/servers/checksum"
)

// output sends what the windows allow: RFC 9293 section 3.8.6, RFC 5681.
func (s *Stack) output(c *Conn) {
	if l := c.loss; l != nil && l.recovering {
		s.retransmit(c)
	} else {
		flight := c.sndNxt - c.sndUna
		for s.sendNew(c) {
		}
		if c.sndNxt-c.sndUna > max(flight, c.mss) && (flight == 0 || c.timer == timerProbe) {
			s.armRetransmit(c)
		}
	}
	if c.sndQueued != 0 && c.sndUna == c.sndNxt {
		s.startPersist(c)
	}
	if c.ackPending && !c.inAckList {
		c.inAckList = true
		s.ackList = append(s.ackList, c)
	}
}

// sendNew sends one segment of new data, or the FIN, if the windows allow it,
// and reports whether it has.
func (s *Stack) sendNew(c *Conn) bool {
	flight := c.sndNxt - c.sndUna
	if c.finSent {
		return false
	}
	unsent := c.sndQueued - int(flight)
	if unsent <= 0 {
		return c.finQueued && s.sendFin(c)
	}
	if c.state != established && c.state != closeWait {
		return false
	}
	if flight == 0 && s.now-c.lastDataSent > c.rto {
		c.cwnd = min(c.cwnd, initialWindow*c.mss) // after an idle period: RFC 5681 section 4.1
	}
	limit, inFlight := c.cwnd, flight
	if l := c.loss; l != nil {
		switch {
		case c.sackPermitted || l.recovering:
			inFlight = l.pipe(c, l.lostBelow(c))
		default: // limited transmit, RFC 3042; with SACK the pipe does it
			limit += min(l.dupAcks, dupThresh-1) * c.mss
		}
	}
	n := uint32(min(unsent, int(c.mss)))
	if inFlight+n > limit {
		return false
	}
	if flight+n > c.sndWnd {
		// Silly window avoidance, RFC 9293 section 3.8.6.2.1.
		usable := c.sndWnd - min(flight, c.sndWnd)
		if usable == 0 || usable < c.mss && usable < c.maxSndWnd/2 {
			return false
		}
		n = min(n, usable)
	}
	if !c.rttTiming {
		c.rttTiming, c.rttSeq, c.rttStart = true, c.sndNxt+n, s.now
	}
	if flight == 0 {
		s.setTimer(c, timerRetransmit, s.now+c.rto)
	}
	c.maxFlight = max(c.maxFlight, flight+n)
	seq := c.sndNxt
	if flight != 0 || c.hasSendTimes {
		s.noteSent(c, seq)
	}
	c.lastDataSent = s.now
	c.sndNxt += n
	if c.finQueued && int(n) == unsent {
		c.countFin()
		n++
	}
	if l := c.loss; l != nil {
		l.prr.out += n
	}
	s.sendData(c, seq, n)
	return true
}

// sendFin sends a FIN without data.
func (s *Stack) sendFin(c *Conn) bool {
	if c.state != established && c.state != closeWait {
		return false
	}
	if c.sndUna == c.sndNxt {
		s.setTimer(c, timerRetransmit, s.now+c.rto)
	}
	seq := c.sndNxt
	c.countFin()
	s.sendData(c, seq, 1)
	return true
}

// countFin adds the FIN that is about to be sent to SND.NXT: RFC 9293 section
// 3.10.4.
func (c *Conn) countFin() {
	c.finSent = true
	c.sndNxt++
	if c.state == established {
		c.state = finWait1
	} else {
		c.state = lastAck
	}
}

// sendData sends n of sequence space from seq on: queued data and, if they
// reach that far, the FIN.
func (s *Stack) sendData(c *Conn, seq, n uint32) {
	skip := int(seq - c.sndUna)
	flags := byte(ack)
	data := int(n)
	if c.finSent && seq+n == c.sndNxt {
		flags |= fin
	}
	data = min(data, c.sndQueued-skip)
	if skip+data == c.sndQueued {
		flags |= psh // RFC 9293 section 3.9.1.2
	}
	at := int(c.headerLen)
	room := s.txBuf
	*(*[tsHeaderLen]byte)(room) = c.header
	p := &c.sndQueue[c.queueHead]
	if p.sum != 0 && data == len(p.data) && data > 0 && skip|c.sndOffset == 0 {
		copy(room[at:], p.data)
		s.sendSegment(c, seq, flags, data, p.sum)
		return
	}
	b := room[at : at+data]
	c.gather(b, skip)
	sum := uint64(0)
	if !s.cfg.TxChecksumOffload {
		sum = checksum.Sum(b, 0)
	}
	s.sendSegment(c, seq, flags, data, sum)
}

// sendSegment completes and sends a segment whose header is a copy of the
// connection's and whose payload of n bytes with that sum is in place.
func (s *Stack) sendSegment(c *Conn, seq uint32, flags byte, n int, sum uint64) {
	at := int(c.headerLen)
	b := s.txBuf
	h := (*[tsHeaderLen]byte)(b)
	total := uint16(at - ipStart + n)
	putBE16(h[ipLength:], total)
	putBE32(h[tcpSeq:], seq)
	putBE32(h[tcpAck:], c.rcvNxt)
	h[tcpFlags] = flags
	if c.tsEnabled {
		putBE32(h[tsValue:], s.tsVal(c.tsOffset))
		putBE32(h[tsEcho:], c.tsRecent)
	}
	pseudo := c.tcpHeaderSum + checksum.Word(total-20)
	if s.cfg.TxChecksumOffload {
		putLE16(h[tcpSum:], checksum.Fold(pseudo))
	} else {
		checksum.Put(h[ipSum:], c.ipHeaderSum+checksum.Word(total))
		head := sumFixedHeader((*[baseHeaderLen]byte)(b), pseudo)
		if c.tsEnabled {
			head += uint64(le32(h[tsStart:])) + uint64(le32(h[tsValue:])) + uint64(le32(h[tsEcho:]))
		}
		checksum.Put(h[tcpSum:], checksum.Add(head, sum))
	}
	c.ackPending = false
	s.send(at + n)
}

// sendAck sends an ACK without data.
func (s *Stack) sendAck(c *Conn) { s.sendEmpty(c, c.sndNxt) }

// sendEmpty sends a segment without data, with SACK blocks if there is anything
// to report: a segment that was received twice (RFC 2883 section 4), then what
// is out of order, the ranges that were extended last first (RFC 2018 section 4).
func (s *Stack) sendEmpty(c *Conn, seq uint32) {
	*(*[tsHeaderLen]byte)(s.txBuf) = c.header
	if !c.sackPermitted || c.reassemblyLen == 0 && !c.hasDuplicate {
		s.sendSegment(c, seq, ack, 0, 0)
		return
	}
	start := int(c.headerLen)
	limit := 4
	if c.tsEnabled {
		limit = 3
		putBE32(s.txBuf[tsValue:], s.tsVal(c.tsOffset))
		putBE32(s.txBuf[tsEcho:], c.tsRecent)
	}
	o := append(s.txBuf[tcpOptions:start], 1, 1, 5, 2)
	length := len(o) - 1
	block := func(r seqRange) {
		o = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(o, r.from), r.to)
		o[length] += 8
		limit--
	}
	if c.hasDuplicate {
		block(c.duplicate)
		c.hasDuplicate = false
	}
	var reported [maxReassembly]bool
	for _, seq := range c.recentRanges {
		if i := c.rangeOf(seq); i >= 0 && !reported[i] && limit > 0 {
			reported[i] = true
			block(c.reassembly[i])
		}
	}
	c.ackPending = false
	s.sendControl(tcpOptions+len(o), seq, c.rcvNxt, ack)
}
