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
	if c.queued != 0 && c.sndUna == c.sndNxt && s.due[c.id] > s.now+c.rto {
		s.due[c.id] = s.now + c.rto // the window is closed: persist, section 3.8.6.1
	}
	if c.owes && !c.listed {
		c.listed = true
		s.owing = append(s.owing, c)
	}
}

// sendNew sends one segment of new data, or the FIN, if the windows allow it.
func (s *Stack) sendNew(c *Conn) bool {
	flight := c.sndNxt - c.sndUna
	if c.ended {
		return false
	}
	unsent := c.queued - int(flight)
	if unsent <= 0 {
		return c.ends && s.sendFin(c)
	}
	if c.state != established && c.state != closeWait {
		return false
	}
	if flight == 0 && s.now-c.sentAt > c.rto {
		c.cwnd = min(c.cwnd, initialWindow*c.mss) // RFC 5681 section 4.1: idle for long
	}
	limit, inFlight := c.cwnd, flight
	if l := c.loss; l != nil {
		inFlight = l.pipe(c, l.edge(c))
		if !l.recovering { // limited transmit, RFC 3042
			limit += uint32(min(c.dups, dupThresh-1)) * c.mss
		}
	}
	n := uint32(min(unsent, int(c.mss)))
	if inFlight+n > limit {
		return false
	}
	if flight+n > c.sndWnd {
		// RFC 9293 section 3.8.6.2.1: no silly segments.
		room := c.sndWnd - min(flight, c.sndWnd)
		if room == 0 || room < c.mss && room < c.maxWnd/2 {
			return false
		}
		n = min(n, room)
	}
	if !c.timing {
		c.timing, c.timed, c.timedAt = true, c.sndNxt+n, s.now
	}
	if flight == 0 {
		s.due[c.id] = s.now + c.rto
	}
	c.sentAt = s.now
	seq := c.sndNxt
	c.sndNxt += n
	if c.ends && int(n) == unsent {
		s.leave(c)
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
		s.due[c.id] = s.now + c.rto
	}
	seq := c.sndNxt
	s.leave(c)
	s.sendData(c, seq, 1)
	return true
}

// leave counts the FIN that is about to be sent: RFC 9293 section 3.10.4.
func (s *Stack) leave(c *Conn) {
	c.ended = true
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
	if c.ended && seq+n == c.sndNxt {
		flags |= fin
	}
	data = min(data, c.queued-skip)
	if skip+data == c.queued {
		flags |= psh // RFC 9293 section 3.9.1.2
	}
	at := int(c.headLen)
	room := s.room
	*(*[longHead]byte)(room) = c.head
	p := &c.queue[c.first]
	if p.sum != 0 && data == len(p.data) && data > 0 && skip|c.offset == 0 {
		copy(room[at:], p.data)
		s.finish(c, seq, flags, data, p.sum)
		return
	}
	b := room[at : at+data]
	c.gather(b, skip)
	sum := uint64(0)
	if !s.cfg.ChecksumsOut {
		sum = checksum.Sum(b, 0)
	}
	s.finish(c, seq, flags, data, sum)
}

// gather copies queued bytes from skip behind SND.UNA on.
func (c *Conn) gather(b []byte, skip int) {
	skip += c.offset
	for i := c.first; len(b) > 0; i++ {
		d := c.queue[i].data
		if skip >= len(d) {
			skip -= len(d)
			continue
		}
		b = b[copy(b, d[skip:]):]
		skip = 0
	}
}

// finish completes a segment whose head is copied from the connection and
// whose payload of n bytes with that sum is in place, and sends it.
func (s *Stack) finish(c *Conn, seq uint32, flags byte, n int, sum uint64) {
	at := int(c.headLen)
	b := s.room
	h := (*[longHead]byte)(b)
	total := uint16(at - ipAt + n)
	putBE16(h[ipLength:], total)
	putBE32(h[tcpSeq:], seq)
	putBE32(h[tcpAck:], c.rcvNxt)
	h[tcpFlags] = flags
	if c.stamps {
		putBE32(h[tsValue:], s.stamp(c.stampBase))
		putBE32(h[tsEcho:], c.recent)
	}
	pseudo := c.tcpSum + checksum.Word(total-20)
	if s.cfg.ChecksumsOut {
		putLE16(h[tcpSum:], checksum.Fold(pseudo))
	} else {
		checksum.Put(h[ipSum:], c.ipSum+checksum.Word(total))
		head := words((*[shortHead]byte)(b), pseudo)
		if c.stamps {
			head += uint64(le32(h[tsAt:])) + uint64(le32(h[tsValue:])) + uint64(le32(h[tsEcho:]))
		}
		checksum.Put(h[tcpSum:], checksum.Add(head, sum))
	}
	c.owes = false
	s.send(at + n)
}

// sendAck sends an acknowledgement without data; with SACK blocks, if there is
// anything out of order (RFC 2018 section 4).
func (s *Stack) sendAck(c *Conn) { s.sendEmpty(c, c.sndNxt) }

func (s *Stack) sendEmpty(c *Conn, seq uint32) {
	*(*[longHead]byte)(s.room) = c.head
	if c.nspans == 0 || !c.sacks {
		s.finish(c, seq, ack, 0, 0)
		return
	}
	at := int(c.headLen)
	o := s.room[tcpOptions:at]
	if c.stamps {
		putBE32(s.room[tsValue:], s.stamp(c.stampBase))
		putBE32(s.room[tsEcho:], c.recent)
	}
	most := min(c.nspans, 4)
	if c.stamps {
		most = min(most, 3)
	}
	o = append(o, 1, 1, 5, byte(2+8*most))
	// The span that was extended last comes first.
	first := 0
	for i := range c.nspans {
		if c.newest-c.spans[i].from < c.spans[i].to-c.spans[i].from {
			first = i
		}
	}
	for i := range most {
		p := c.spans[(first+i)%c.nspans]
		o = append(o, byte(p.from>>24), byte(p.from>>16), byte(p.from>>8), byte(p.from),
			byte(p.to>>24), byte(p.to>>16), byte(p.to>>8), byte(p.to))
	}
	c.owes = false
	s.finishHead(tcpOptions+len(o), seq, c.rcvNxt, ack)
}
