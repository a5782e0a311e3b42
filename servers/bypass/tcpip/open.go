// SPDX-License-Identifier: Apache-2.0

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
		s.resetStranger(g)
	case g.flags&ack != 0:
		if g.flags&syn != 0 || !s.acceptCookie(g, options) {
			s.resetStranger(g)
		}
	case g.flags&syn != 0 && g.flags&fin == 0:
		s.acceptSYN(g, parseSYNOptions(options))
	default:
		s.Stats.Dropped++
	}
}

// acceptSYN takes a SYN.
func (s *Stack) acceptSYN(g *segment, q synOptions) {
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
	c.iss = s.initialSeq(c.key)
	c.tsOffset = s.tsOffset(c.key)
	c.sndUna, c.sndNxt = c.iss, c.iss+1
	c.rcvNxt = g.seq + 1
	c.sndWnd = g.wnd // never scaled in a SYN: RFC 7323 section 2.2
	c.maxSndWnd = g.wnd
	s.sendSynAck(c)
}

// establish: the peer has acknowledged our SYN.
func (s *Stack) establish(c *Conn, wnd uint32) {
	if c.state == synReceived {
		s.halfOpen--
	}
	c.state = established
	c.sndUna = c.iss + 1
	c.sndWnd = wnd << c.sndWndShift
	c.maxSndWnd = max(c.maxSndWnd, c.sndWnd)
	if c.backoff > 0 { // RFC 6298 section 5.7: the SYN was lost, so the path is lossy or slow
		c.rto = 3e9
		c.cwnd = c.mss // RFC 5681 section 3.1
	}
	c.backoff = 0
	s.restartTimer(c)
	s.app.Opened(c)
}

// initialSeq is the initial sequence number of RFC 6528: a clock of 4 us ticks and
// a hash of the ends that nobody can foresee.
func (s *Stack) initialSeq(key uint64) uint32 {
	return uint32(s.now/4000) + uint32(siphash(&s.cfg.Secret, key, 1))
}

// tsOffset is where a connection's timestamps start: the clock itself would
// tell our uptime (RFC 7323 section 7.1).
func (s *Stack) tsOffset(key uint64) uint32 {
	return uint32(siphash(&s.cfg.Secret, key, 2)) &^ cookieBits
}

// tsVal is TSval: milliseconds.
func (s *Stack) tsVal(base uint32) uint32 { return uint32(s.now/1e6) + base }

// canReuse tells whether a segment may open a new connection in the place of
// one in TIME-WAIT: RFC 9293 section 3.6.1, with the timestamps of RFC 6191.
func (s *Stack) canReuse(c *Conn, g *segment) bool {
	if g.flags&(syn|ack|rst) != syn {
		return false
	}
	if c.tsEnabled {
		q := parseSYNOptions(g.frame[tcpOptions : tcpStart+int(g.frame[tcpOffset]>>4)*4])
		if q.hasTimestamps && q.tsVal != c.tsRecent {
			return before(c.tsRecent, q.tsVal)
		}
	}
	return before(c.rcvNxt, g.seq)
}

// sendSynAck answers a SYN with ours, and sets the time for another.
func (s *Stack) sendSynAck(c *Conn) {
	copy(s.txBuf[:tcpOptions], c.header[:tcpOptions])
	o := s.txBuf[tcpOptions:tcpOptions]
	o = s.appendSYNOptions(o, c.tsEnabled, c.sackPermitted, c.windowScaling, s.tsVal(c.tsOffset), c.tsRecent)
	s.sendControl(tcpOptions+len(o), c.iss, c.rcvNxt, syn|ack)
	s.deadlines[c.id] = s.now + c.rto
}

// appendSYNOptions writes the options of our SYN: ours only to those that were
// offered (RFC 7323 sections 2.2 and 3.2).
func (s *Stack) appendSYNOptions(o []byte, stamps, sacks, scaled bool, value, echo uint32) []byte {
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

// sendControl completes and sends a segment without payload that is not made
// from a connection's head, n bytes with its options: the addresses, ports and
// the window are in place.
func (s *Stack) sendControl(n int, seq, ackNo uint32, flags byte) {
	b := s.txBuf[:n]
	b[tcpOffset] = byte(n-tcpStart) / 4 << 4
	b[tcpFlags] = flags
	putBE32(b[tcpSeq:], seq)
	putBE32(b[tcpAck:], ackNo)
	putBE16(b[ipLength:], uint16(n-ipStart))
	b[ipSum], b[ipSum+1], b[tcpSum], b[tcpSum+1] = 0, 0, 0, 0
	b[tcpSum+2], b[tcpSum+3] = 0, 0 // urgent pointer
	pseudo := checksum.Sum(b[ipSrc:tcpStart], checksum.Word(protocolTCP)+checksum.Word(uint16(n-tcpStart)))
	if s.cfg.TxChecksumOffload {
		putLE16(b[tcpSum:], checksum.Fold(pseudo))
	} else {
		checksum.Put(b[ipSum:], checksum.Sum(b[ipStart:tcpStart], 0))
		checksum.Put(b[tcpSum:], checksum.Sum(b[tcpStart:], pseudo))
	}
	s.send(n)
}

// writeReplyHeader starts a segment that goes back to where g came from.
func (s *Stack) writeReplyHeader(g *segment) {
	s.writeIPv4Header(g.frame, protocolTCP, 20)
	b := s.txBuf
	copy(b[tcpSrc:], g.frame[tcpDst:tcpDst+2])
	copy(b[tcpDst:], g.frame[tcpSrc:tcpSrc+2])
	putBE16(b[tcpWindow:], 0)
}

// resetStranger answers a segment that belongs to no connection: RFC 9293 section 3.10.7.1.
func (s *Stack) resetStranger(g *segment) {
	if s.cfg.SharedAddress {
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
	s.writeReplyHeader(g)
	if g.flags&ack != 0 {
		s.sendControl(tcpOptions, g.ack, 0, rst)
	} else {
		s.sendControl(tcpOptions, 0, g.seq+g.length(), rst|ack)
	}
}

// resetRate bounds resets to strangers per second.
const resetRate = 1000
