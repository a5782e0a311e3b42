// SPDX-License-Identifier: Apache-2.0

package tcpip

// SYN cookies, RFC 4987 section 3.6: while too many connections are half-open,
// the options of a SYN are encoded in our sequence number and timestamp and
// forgotten; the ACK that completes the handshake returns them. The sequence
// number holds an index of the MSS and a hash that only we can compute; the low
// bits of the timestamp hold the other options.

// cookieMSS are the segment sizes that a cookie can hold.
var cookieMSS = [8]uint16{536, 900, 1220, 1300, 1400, 1440, 1452, 1460}

const (
	cookieBits  = 0x3f // of TSval
	cookieScale = 0x0f // window scale; all ones: none
	cookieSACK  = 0x10
	cookiePhase = 64e9 // ns; a cookie is valid for one to two phases
)

// cookie returns the sequence number for a peer in a phase.
func (s *Stack) cookie(key uint64, theirs uint32, phase int64, mss uint32) uint32 {
	return uint32(s.hash(key, uint64(theirs)<<32|uint64(uint32(phase))|1<<31))&^7 | mss
}

// sendCookie answers a SYN without a connection.
func (s *Stack) sendCookie(g *segment, q *synOptions) {
	index := uint32(0)
	for i, m := range cookieMSS {
		if m <= q.mss {
			index = uint32(i)
		}
	}
	k := key(g.frame)
	s.lastCookie = s.now
	s.Stats.CookiesSent++
	s.writeReplyHeader(g)
	putBE16(s.txBuf[tcpWindow:], receiveBuffer)
	value := uint32(0)
	if q.hasTimestamps {
		bits := uint32(cookieScale)
		if q.hasWindowScale {
			bits = uint32(min(q.windowScale, 14))
		}
		if q.sackPermitted {
			bits |= cookieSACK
		}
		value = s.tsVal(s.tsOffset(k))&^cookieBits - (cookieBits + 1) | bits
	}
	// Without timestamps there is no place for the other options.
	o := s.appendSYNOptions(s.txBuf[tcpOptions:tcpOptions], q.hasTimestamps, q.sackPermitted && q.hasTimestamps, q.hasWindowScale && q.hasTimestamps, value, q.tsVal)
	s.sendControl(tcpOptions+len(o), s.cookie(k, g.seq, s.now/cookiePhase, index), g.seq+1, syn|ack)
}

// acceptCookie opens the connection of an ACK whose number is a cookie of ours,
// and reports whether it is one.
func (s *Stack) acceptCookie(g *segment, options []byte) bool {
	if s.lastCookie == 0 || s.now-s.lastCookie > 2*cookiePhase {
		return false
	}
	k, ours := key(g.frame), g.ack-1
	phase := s.now / cookiePhase
	if ours != s.cookie(k, g.seq-1, phase, ours&7) && ours != s.cookie(k, g.seq-1, phase-1, ours&7) {
		return false
	}
	q := synOptions{mss: cookieMSS[ours&7]}
	o := parseSegmentOptions(options)
	if o.hasTimestamps {
		q.hasTimestamps, q.tsVal = true, o.tsVal
		q.sackPermitted = o.tsEcr&cookieSACK != 0
		if scale := o.tsEcr & cookieScale; scale <= 14 {
			q.windowScale, q.hasWindowScale = uint8(scale), true
		}
	}
	c := s.newConn(g.frame, &q)
	if c == nil {
		return true // dropped: the peer will retransmit
	}
	s.Stats.CookiesAccepted++
	c.tsOffset = s.tsOffset(k)
	c.iss = ours
	c.sndNxt = ours + 1
	c.rcvNxt = g.seq
	c.sndWL1 = g.seq
	s.establish(c, g.wnd)
	g.opts = o
	s.segmentArrives(c, g)
	if c.state != closed {
		s.afterSegment(c)
	}
	return true
}
