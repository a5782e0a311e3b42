// SPDX-License-Identifier: Apache-2.0

package tcpip

import "crossing/servers/checksum"

// output sends what may be sent: RFC 9293 section 3.8.6 with the congestion window.
func (s *Stack) output(c *Conn) {
	if l := c.loss; l != nil && l.recovering {
		s.retransmit(c, false)
	} else {
		for s.sendNew(c) {
		}
	}
	if c.sndQueued != 0 && c.sndUna == c.sndNxt && s.deadlines[c.id] > s.now+c.rto {
		s.deadlines[c.id] = s.now + c.rto // the window is closed: persist, section 3.8.6.1
	}
	if c.ackPending && !c.inAckList {
		c.inAckList = true
		s.ackList = append(s.ackList, c)
	}
}

// sendNew sends one segment of new data, or the FIN, if the windows allow it.
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
		c.cwnd = min(c.cwnd, initialWindow*c.mss) // RFC 5681 section 4.1: idle for long
	}
	limit, inFlight := c.cwnd, flight
	if l := c.loss; l != nil {
		inFlight = l.pipe(c, l.lostBelow(c))
		if !l.recovering { // limited transmit, RFC 3042
			limit += uint32(min(c.dupAcks, dupThresh-1)) * c.mss
		}
	}
	n := uint32(min(unsent, int(c.mss)))
	if inFlight+n > limit {
		return false
	}
	if flight+n > c.sndWnd {
		// RFC 9293 section 3.8.6.2.1: no silly segments.
		room := c.sndWnd - min(flight, c.sndWnd)
		if room == 0 || room < c.mss && room < c.maxSndWnd/2 {
			return false
		}
		n = min(n, room)
	}
	if !c.rttTiming {
		c.rttTiming, c.rttSeq, c.rttStart = true, c.sndNxt+n, s.now
	}
	if flight == 0 {
		s.deadlines[c.id] = s.now + c.rto
	}
	c.lastDataSent = s.now
	seq := c.sndNxt
	c.sndNxt += n
	if c.finQueued && int(n) == unsent {
		s.countFin(c)
		n++
	}
	s.sendData(c, seq, n)
	return true
}

// sendFin sends a FIN of its own.
func (s *Stack) sendFin(c *Conn) bool {
	if c.state != established && c.state != closeWait {
		return false
	}
	if c.sndUna == c.sndNxt {
		s.deadlines[c.id] = s.now + c.rto
	}
	seq := c.sndNxt
	s.countFin(c)
	s.sendData(c, seq, 1)
	return true
}

// countFin counts the FIN that is about to be sent: RFC 9293 section 3.10.4.
func (s *Stack) countFin(c *Conn) {
	c.finSent = true
	c.sndNxt++
	if c.state == established {
		c.state = finWait1
	} else {
		c.state = lastAck
	}
}

// sendData sends n of sequence space from seq: data from the queue and, if it
// reaches so far, the FIN.
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
	p := &c.queue[c.queueHead]
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

// gather copies queued bytes from skip behind SND.UNA on.
func (c *Conn) gather(b []byte, skip int) {
	skip += c.sndOffset
	for i := c.queueHead; len(b) > 0; i++ {
		d := c.queue[i].data
		if skip >= len(d) {
			skip -= len(d)
			continue
		}
		b = b[copy(b, d[skip:]):]
		skip = 0
	}
}

// sendSegment completes a segment whose head is copied from the connection and
// whose payload of n bytes with that sum is in place, and sends it.
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

// sendAck sends an acknowledgement without data; with SACK blocks, if there is
// anything out of order (RFC 2018 section 4).
func (s *Stack) sendAck(c *Conn) { s.sendEmpty(c, c.sndNxt) }

func (s *Stack) sendEmpty(c *Conn, seq uint32) {
	*(*[tsHeaderLen]byte)(s.txBuf) = c.header
	if c.reassemblyLen == 0 || !c.sackPermitted {
		s.sendSegment(c, seq, ack, 0, 0)
		return
	}
	at := int(c.headerLen)
	o := s.txBuf[tcpOptions:at]
	if c.tsEnabled {
		putBE32(s.txBuf[tsValue:], s.tsVal(c.tsOffset))
		putBE32(s.txBuf[tsEcho:], c.tsRecent)
	}
	most := min(c.reassemblyLen, 4)
	if c.tsEnabled {
		most = min(most, 3)
	}
	o = append(o, 1, 1, 5, byte(2+8*most))
	// The span that was extended last comes first.
	first := 0
	for i := range c.reassemblyLen {
		if c.lastReassembled-c.reassembly[i].from < c.reassembly[i].to-c.reassembly[i].from {
			first = i
		}
	}
	for i := range most {
		p := c.reassembly[(first+i)%c.reassemblyLen]
		o = append(o, byte(p.from>>24), byte(p.from>>16), byte(p.from>>8), byte(p.from),
			byte(p.to>>24), byte(p.to>>16), byte(p.to>>8), byte(p.to))
	}
	c.ackPending = false
	s.sendControl(tcpOptions+len(o), seq, c.rcvNxt, ack)
}
