package tcpip

import (
	"crossing/servers/checksum"
)

// listen takes a segment that belongs to no connection: RFC 9293 sections 3.10.7.1
// and 3.10.7.2.
func (s *Stack) listen(g *segment, options []byte) {
	switch {
	case g.flags&rst != 0:
	case le16(g.frame[tcpDst:]) != s.port:
		s.reset(g)
	case g.flags&ack != 0:
		if g.flags&syn != 0 || !s.openByCookie(g, options) {
			s.reset(g)
		}
	case g.flags&syn != 0 && g.flags&fin == 0:
		s.open(g, readSyn(options))
	default:
		s.Stats.Dropped++
	}
}

// open takes a SYN.
func (s *Stack) open(g *segment, q synOptions) {
	if s.halfOpen >= s.cfg.MaxHalfOpen {
		s.sendCookie(g, &q)
		return
	}
	c := s.newConn(g.frame, &q)
	if c == nil {
		return
	}
	c.state = synReceived
	s.halfOpen++
	c.iss = s.sequence(c.key)
	c.stampBase = s.stampBase(c.key)
	c.sndUna, c.sndNxt = c.iss, c.iss+1
	c.rcvNxt = g.seq + 1
	c.sndWnd = g.wnd // never scaled in a SYN: RFC 7323 section 2.2
	c.maxWnd = g.wnd
	s.sendSynAck(c)
}

// establish: the peer has acknowledged our SYN.
func (s *Stack) establish(c *Conn, wnd uint32) {
	if c.state == synReceived {
		s.halfOpen--
	}
	c.state = established
	c.sndUna = c.iss + 1
	c.sndWnd = wnd << c.scale
	c.maxWnd = max(c.maxWnd, c.sndWnd)
	if c.backoff > 0 { // RFC 6298 section 5.7: the SYN was lost, so the path is lossy or slow
		c.rto = 3e9
		c.cwnd = c.mss // RFC 5681 section 3.1
	}
	c.backoff = 0
	s.rest(c)
	s.app.Opened(c)
}

// sequence is the initial sequence number of RFC 6528: a clock of 4 us ticks and
// a hash of the ends that nobody can foresee.
func (s *Stack) sequence(key uint64) uint32 {
	return uint32(s.now/4000) + uint32(siphash(&s.cfg.Secret, key, 1))
}

// stampBase is where a connection's timestamps start: the clock itself would
// tell our uptime (RFC 7323 section 7.1).
func (s *Stack) stampBase(key uint64) uint32 {
	return uint32(siphash(&s.cfg.Secret, key, 2)) &^ cookieBits
}

// stamp is TSval: milliseconds.
func (s *Stack) stamp(base uint32) uint32 { return uint32(s.now/1e6) + base }

// reopens tells whether a segment may open a new connection in the place of
// one in TIME-WAIT: RFC 9293 section 3.6.1, with the timestamps of RFC 6191.
func (s *Stack) reopens(c *Conn, g *segment) bool {
	if g.flags&(syn|ack|rst) != syn {
		return false
	}
	if c.stamps {
		q := readSyn(g.frame[tcpOptions : tcpAt+int(g.frame[tcpOffset]>>4)*4])
		if q.stamps && q.value != c.recent {
			return before(c.recent, q.value)
		}
	}
	return before(c.rcvNxt, g.seq)
}

// sendSynAck answers a SYN with ours, and sets the time for another.
func (s *Stack) sendSynAck(c *Conn) {
	copy(s.room[:tcpOptions], c.head[:tcpOptions])
	o := s.room[tcpOptions:tcpOptions]
	o = s.synOptions(o, c.stamps, c.sacks, c.scaled, s.stamp(c.stampBase), c.recent)
	s.finishHead(tcpOptions+len(o), c.iss, c.rcvNxt, syn|ack)
	s.due[c.id] = s.now + c.rto
}

// synOptions writes the options of our SYN: ours only to those that were
// offered (RFC 7323 sections 2.2 and 3.2).
func (s *Stack) synOptions(o []byte, stamps, sacks, scaled bool, value, echo uint32) []byte {
	mss := s.cfg.MTU - 40
	o = append(o, 2, 4, byte(mss>>8), byte(mss))
	switch {
	case stamps && sacks:
		o = append(o, 4, 2, 8, 10)
	case stamps:
		o = append(o, 1, 1, 8, 10)
	case sacks:
		o = append(o, 1, 1, 4, 2)
	}
	if stamps {
		o = append(o, byte(value>>24), byte(value>>16), byte(value>>8), byte(value),
			byte(echo>>24), byte(echo>>16), byte(echo>>8), byte(echo))
	}
	if scaled {
		o = append(o, 1, 3, 3, 0)
	}
	return o
}

// finishHead completes and sends a segment without payload that is not made
// from a connection's head, n bytes with its options: the addresses, ports and
// the window are in place.
func (s *Stack) finishHead(n int, seq, ackNo uint32, flags byte) {
	b := s.room[:n]
	b[tcpOffset] = byte(n-tcpAt) / 4 << 4
	b[tcpFlags] = flags
	putBE32(b[tcpSeq:], seq)
	putBE32(b[tcpAck:], ackNo)
	putBE16(b[ipLength:], uint16(n-ipAt))
	b[ipSum], b[ipSum+1], b[tcpSum], b[tcpSum+1] = 0, 0, 0, 0
	b[tcpSum+2], b[tcpSum+3] = 0, 0 // urgent pointer
	pseudo := checksum.Sum(b[ipSrc:tcpAt], checksum.Word(protocolTCP)+checksum.Word(uint16(n-tcpAt)))
	if s.cfg.ChecksumsOut {
		putLE16(b[tcpSum:], checksum.Fold(pseudo))
	} else {
		checksum.Put(b[ipSum:], checksum.Sum(b[ipAt:tcpAt], 0))
		checksum.Put(b[tcpSum:], checksum.Sum(b[tcpAt:], pseudo))
	}
	s.send(n)
}

// reply starts a segment that goes back to where g came from.
func (s *Stack) reply(g *segment) {
	s.ipv4(g.frame, protocolTCP, 20)
	b := s.room
	copy(b[tcpSrc:], g.frame[tcpDst:tcpDst+2])
	copy(b[tcpDst:], g.frame[tcpSrc:tcpSrc+2])
	putBE16(b[tcpWindow:], 0)
}

// reset answers a segment that belongs to no connection: RFC 9293 section 3.10.7.1.
func (s *Stack) reset(g *segment) {
	if s.cfg.Siblings {
		s.Stats.Dropped++
		return
	}
	if s.resetTime == 0 || s.now-s.resetTime > 1e9 {
		s.resetTime, s.resetsLeft = s.now, resetRate
	}
	if s.resetsLeft == 0 {
		s.Stats.Dropped++
		return
	}
	s.resetsLeft--
	s.reply(g)
	if g.flags&ack != 0 {
		s.finishHead(tcpOptions, g.ack, 0, rst)
	} else {
		s.finishHead(tcpOptions, 0, g.seq+g.length(), rst|ack)
	}
}

// resetRate bounds resets to strangers per second.
const resetRate = 1000
