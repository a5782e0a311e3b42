// SPDX-License-Identifier: Apache-2.0

package tcpip

// A segment is a parsed TCP segment on the slow path.
type segment struct {
	frame []byte
	seq   uint32
	ack   uint32
	wnd   uint32 // not scaled
	flags byte
	data  []byte
	opts  segmentOptions
}

// length returns SEG.LEN.
func (g *segment) length() uint32 {
	n := uint32(len(g.data))
	if g.flags&syn != 0 {
		n++
	}
	if g.flags&fin != 0 {
		n++
	}
	return n
}

// handleTCP is the slow path, RFC 9293 section 3.10.7. The IP header has been
// checked.
func (s *Stack) handleTCP(f []byte) {
	if len(f) < tcpOptions {
		s.Stats.Dropped++
		return
	}
	start := tcpStart + int(f[tcpOffset]>>4)*4
	if start < tcpOptions || start > len(f) || le16(f[tcpSrc:]) == 0 {
		s.Stats.Dropped++
		return
	}
	if !s.checksumsOK(f) {
		s.Stats.BadChecksum++
		return
	}
	g := segment{frame: f, seq: be32(f[tcpSeq:]), ack: be32(f[tcpAck:]), wnd: uint32(be16(f[tcpWindow:])),
		flags: f[tcpFlags] & (fin | syn | rst | psh | ack), data: f[start:]}
	var c *Conn
	if le16(f[tcpDst:]) == s.port {
		c = s.table.get(key(f))
	}
	if c != nil && c.state == timeWait && s.canReuse(c, &g) {
		s.remove(c)
		c = nil
	}
	if c == nil {
		s.listen(&g, f[tcpOptions:start])
		return
	}
	g.opts = parseSegmentOptions(f[tcpOptions:start])
	s.segmentArrives(c, &g)
	if c.state != closed {
		s.afterSegment(c)
	}
}

// segmentArrives processes a segment of a connection: RFC 9293 section
// 3.10.7.4, whose steps are named.
func (s *Stack) segmentArrives(c *Conn, g *segment) {
	if c.state == synReceived && g.flags&(syn|ack|rst) == syn && g.seq == c.rcvNxt-1 {
		copy(c.header[ethDst:], g.frame[ethSrc:ethSrc+6])
		s.sendSynAck(c) // ours was lost
		return
	}
	// Fourth, SYN, before all others: RFC 5961 section 4.2 wants a challenge ACK
	// irrespective of the sequence number.
	if g.flags&(syn|rst) == syn {
		s.challenge(c)
		return
	}
	if c.tsEnabled && g.flags&rst == 0 && !s.checkTimestamp(c, g) {
		return
	}
	c.learnMAC(g)
	// First, the sequence number.
	if len(g.data) > 0 && c.rcvBuffered == receiveBuffer && g.seq == c.rcvNxt {
		g.data, g.flags = nil, g.flags&^fin // the window is closed, but not for ACK and RST
		c.ackPending = true
	}
	if !c.acceptable(g) {
		if g.flags&rst == 0 {
			if c.state == timeWait && g.flags&fin != 0 {
				s.enterTimeWait(c) // the peer did not receive our last ACK
			}
			c.reportDuplicate(g)
			s.challenge(c)
		}
		return
	}
	// Second, RST: only one at exactly RCV.NXT is believed, RFC 5961 section 3.2.
	if g.flags&rst != 0 {
		if g.seq != c.rcvNxt {
			s.challenge(c)
			return
		}
		s.Stats.Reset++
		s.remove(c)
		return
	}
	// Fifth, ACK.
	if g.flags&ack == 0 {
		s.Stats.Dropped++
		return
	}
	if c.state == synReceived {
		if g.ack != c.sndNxt {
			s.resetStranger(g)
			return
		}
		s.establish(c, g.wnd)
	}
	// An ACK of what was never sent, or of the distant past, is a guess: RFC 5961
	// section 5.2.
	if !c.plausibleAck(g.ack) {
		s.challenge(c)
		return
	}
	if c.tsEnabled && !before(c.rcvNxt, g.seq) {
		c.tsRecent = g.opts.tsVal // RFC 7323 section 4.3
	}
	c.lastReceived = s.now
	if c.state == timeWait {
		return // only a FIN is answered, above
	}
	s.processAck(c, g)
	if c.state == closed || c.state == timeWait {
		return
	}
	s.processData(c, g)
}

// checkTimestamp reports whether a segment passes PAWS, RFC 7323 section 5.3. One
// without timestamps is dropped (section 3.2), unless it completes the
// handshake: then the peer, or something on the path, does not use them.
func (s *Stack) checkTimestamp(c *Conn, g *segment) bool {
	switch {
	case !g.opts.hasTimestamps && c.state == synReceived && g.flags&ack != 0 && g.ack == c.sndNxt && g.seq == c.rcvNxt:
		s.disableTimestamps(c)
		return true
	case !g.opts.hasTimestamps:
		s.Stats.Dropped++
		return false
	case before(g.opts.tsVal, c.tsRecent):
		s.challenge(c)
		return false
	}
	return true
}

// acceptable is the test of RFC 9293 section 3.10.7.4, table 6.
func (c *Conn) acceptable(g *segment) bool {
	window := uint32(receiveBuffer - c.rcvBuffered)
	first := g.seq - c.rcvNxt
	n := g.length()
	if n == 0 {
		return first < window || first == 0
	}
	// The second part is for segments that reach into the window from before.
	return first < window || g.seq+n-1-c.rcvNxt < window || window == 0 && first == 0 && len(g.data) == 0
}

// plausibleAck is the test of RFC 5961 section 5.2.
func (c *Conn) plausibleAck(ackNo uint32) bool {
	return ackNo-c.sndUna <= c.sndNxt-c.sndUna || c.sndUna-ackNo <= max(c.maxSndWnd, 1<<16)
}

// learnMAC follows a peer that has moved to another MAC, such as that of
// another router. Nobody who cannot see the connection may redirect it: the
// segment must be near RCV.NXT, of the past, too, since the first that comes
// from a new place is often a retransmission, and acknowledge what is in
// flight. And since no checksum covers the MAC, one frame may be damaged: two
// in a row must agree, or a damaged one could redirect all that is sent to a
// peer that has nothing to send.
func (c *Conn) learnMAC(g *segment) {
	mac, current := g.frame[ethSrc:ethSrc+6], c.header[ethDst:ethDst+6]
	switch {
	case g.flags&(ack|rst) != ack || g.ack-c.sndUna > c.sndNxt-c.sndUna || g.seq-c.rcvNxt+receiveBuffer > 2*receiveBuffer:
	case string(mac) == string(current):
		clear(c.candidateMAC[:])
	case string(mac) == string(c.candidateMAC[:]):
		copy(current, mac)
	default:
		copy(c.candidateMAC[:], mac)
	}
}

// afterSegment does what a segment has made possible.
func (s *Stack) afterSegment(c *Conn) {
	if c.appRetry && !c.appClosed {
		s.deliverBuffered(c)
	}
	if c.state == closeWait && !c.finQueued && (c.rcvBuffered == 0 || c.CanSend()) {
		c.finQueued = true // all complete requests have their responses
	}
	s.output(c)
}

// challenge acknowledges a segment that is not acceptable (RFC 9293 section
// 3.10.7.4) or may be forged (RFC 5961 section 7). The bound on how often is per
// connection: one for all would inform an attacker about others (CVE-2016-5696).
func (s *Stack) challenge(c *Conn) {
	const interval = 5e6 // ns
	if s.now-c.lastChallenge < interval && c.lastChallenge != 0 {
		return
	}
	c.lastChallenge = s.now
	s.Stats.Challenges++
	c.ackPending = true
}
