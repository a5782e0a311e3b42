// SPDX-License-Identifier: Apache-2.0

package tcpip

import "crossing/servers/checksum"

// fastPath is the short way for the segment that is expected on a connection
// that is well: the next in order, no flag but ACK and PSH, the usual options,
// something new in it (Van Jacobson's header prediction). It tells whether it
// took the frame; else nothing has changed, and the long way takes it.
//
// All that the long way checks holds here by equality: the connection is
// ESTABLISHED, the sequence number is RCV.NXT, the acknowledgement lies
// between SND.UNA and SND.NXT, the timestamp is not older than TS.Recent.
func (s *Stack) fastPath(f []byte) bool {
	if len(f) < baseHeaderLen {
		return false
	}
	h := (*[baseHeaderLen]byte)(f)
	if le16(h[ethType:]) != typeIPv4 || h[ipStart] != 0x45 || h[ipProtocol] != protocolTCP ||
		le32(h[ipDst:]) != s.ipLE || le16(h[tcpDst:]) != s.port || le16(h[ipFragment:])&^0x0040 != 0 {
		return false
	}
	end := ipStart + int(be16(h[ipLength:]))
	if end > len(f) || end < baseHeaderLen {
		return false
	}
	k := uint64(le32(h[ipSrc:]))<<16 | uint64(le16(h[tcpSrc:]))
	c := s.lastConn
	if c == nil || s.lastKey != k {
		if c = s.table.get(k); c == nil {
			return false
		}
		s.lastConn, s.lastKey = c, k
	}
	a := be32(h[tcpAck:])
	acks := a - c.sndUna
	if c.state != established || c.loss != nil || c.hasRcvBuf ||
		h[tcpFlags]&^psh != ack || h[tcpOffset] != c.header[tcpOffset] ||
		be32(h[tcpSeq:]) != c.rcvNxt || acks > c.sndNxt-c.sndUna {
		return false
	}
	at := int(c.headerLen)
	if end < at || end-at > receiveBuffer || end == at && acks == 0 {
		return false
	}
	if c.tsEnabled {
		if le32(f[tsStart:]) != tsPrefix {
			return false
		}
		value := be32(f[tsValue:])
		if before(value, c.tsRecent) || !s.checksumsOK(f[:end]) {
			return false
		}
		c.tsRecent = value
	} else if !s.checksumsOK(f[:end]) {
		return false
	}
	s.Stats.FastPath++
	c.lastReceived = s.now
	c.sndWnd = uint32(be16(h[tcpWindow:])) << c.sndWndShift
	c.maxSndWnd = max(c.maxSndWnd, c.sndWnd)
	if acks != 0 {
		s.advanceSndUna(c, acks)
	}
	if end > at {
		s.deliver(c, f[at:end])
	}
	if c.sndQueued != 0 || c.ackPending || c.finQueued {
		s.output(c)
	}
	return true
}

// checksumsOK checks both checksums of a TCP segment whose IP head is plain.
func (s *Stack) checksumsOK(f []byte) bool {
	if s.checksumsVerified {
		return true
	}
	h := (*[tcpStart]byte)(f)
	ip := uint64(le32(h[ipStart:])) + uint64(le32(h[ipID:])) + uint64(le32(h[ipTTL:])) + uint64(le32(h[ipSrc:])) + uint64(le32(h[ipDst:]))
	return checksum.Fold(ip) == 0xffff &&
		checksum.Fold(checksum.Sum(f[ipSrc:], checksum.Word(protocolTCP)+checksum.Word(uint16(len(f)-tcpStart)))) == 0xffff
}

// A segment is one that took the long way.
type segment struct {
	frame []byte
	seq   uint32
	ack   uint32
	wnd   uint32 // not scaled
	flags byte
	data  []byte
	opts  segmentOptions
}

// length is SEG.LEN.
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

// handleTCP takes a segment the long way: RFC 9293 section 3.10.7. The IP head has been
// checked.
func (s *Stack) handleTCP(f []byte) {
	if len(f) < tcpOptions {
		s.Stats.Dropped++
		return
	}
	at := tcpStart + int(f[tcpOffset]>>4)*4
	if at < tcpOptions || at > len(f) || le16(f[tcpSrc:]) == 0 {
		s.Stats.Dropped++
		return
	}
	if !s.checksumsOK(f) {
		s.Stats.BadChecksum++
		return
	}
	g := segment{frame: f, seq: be32(f[tcpSeq:]), ack: be32(f[tcpAck:]), wnd: uint32(be16(f[tcpWindow:])),
		flags: f[tcpFlags] & (fin | syn | rst | psh | ack), data: f[at:]}
	var c *Conn
	if le16(f[tcpDst:]) == s.port {
		c = s.table.get(key(f))
	}
	if c != nil && c.state == timeWait && s.canReuse(c, &g) {
		s.remove(c)
		c = nil
	}
	if c == nil {
		s.listen(&g, f[tcpOptions:at])
		return
	}
	g.opts = parseSegmentOptions(f[tcpOptions:at])
	s.segmentArrives(c, &g)
	if c.state != closed {
		s.afterSegment(c)
	}
}

// segmentArrives takes a segment of a connection: RFC 9293 section 3.10.7.4.
func (s *Stack) segmentArrives(c *Conn, g *segment) {
	if c.state == synReceived && g.flags&(syn|ack|rst) == syn && g.seq == c.rcvNxt-1 {
		copy(c.header[ethDst:], g.frame[ethSrc:ethSrc+6])
		s.sendSynAck(c) // ours was lost
		return
	}
	// PAWS, RFC 7323 section 5.3: an old segment from the last turn of the
	// sequence numbers. A connection that has agreed on timestamps drops
	// segments without (section 3.2), except resets.
	if c.tsEnabled && g.flags&rst == 0 {
		if !g.opts.hasTimestamps {
			s.Stats.Dropped++
			return
		}
		if before(g.opts.tsVal, c.tsRecent) {
			s.challenge(c)
			return
		}
	}
	// First, the sequence number.
	if !c.acceptable(g) {
		if g.flags&rst == 0 {
			if c.state == timeWait && g.flags&fin != 0 {
				s.enterTimeWait(c) // the peer did not get our last ACK
			}
			s.challenge(c)
		}
		return
	}
	c.learnMAC(g.frame[ethSrc : ethSrc+6])
	// Second, RST: only the very next sequence number is believed, RFC 5961
	// section 3.2.
	if g.flags&rst != 0 {
		if g.seq != c.rcvNxt {
			s.challenge(c)
			return
		}
		s.Stats.Reset++
		s.remove(c)
		return
	}
	// Fourth, SYN: RFC 5961 section 4.2.
	if g.flags&syn != 0 {
		s.challenge(c)
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
	// RFC 5961 section 5.2: an ACK of what was never sent, or of the distant past,
	// comes from somebody who guesses.
	if d := g.ack - c.sndUna; d > c.sndNxt-c.sndUna && c.sndUna-g.ack > max(c.maxSndWnd, 1<<16) {
		s.challenge(c)
		return
	}
	if c.tsEnabled && !before(c.rcvNxt, g.seq) {
		c.tsRecent = g.opts.tsVal // RFC 7323 section 4.3
	}
	c.lastReceived = s.now
	if c.state == timeWait {
		s.enterTimeWait(c)
		c.ackPending = true
		return
	}
	s.processAck(c, g)
	if c.state == closed || c.state == timeWait {
		return
	}
	// Seventh, the data; eighth, FIN.
	s.processData(c, g)
}

// acceptable is the test of RFC 9293 section 3.10.7.4, table 6.
func (c *Conn) acceptable(g *segment) bool {
	window := uint32(receiveBuffer - c.rcvBuffered)
	first := g.seq - c.rcvNxt
	n := g.length()
	if n == 0 {
		return first < window || first == 0
	}
	// The second part takes segments that reach into the window from before.
	return first < window || g.seq+n-1-c.rcvNxt < window || window == 0 && first == 0 && len(g.data) == 0
}

// processData takes the data and the FIN of a segment that is in the window.
func (s *Stack) processData(c *Conn, g *segment) {
	switch c.state {
	case established, finWait1, finWait2:
	default: // after the peer's FIN nothing can come
		return
	}
	data, seq := g.data, g.seq
	isFin := g.flags&fin != 0
	if len(data) == 0 && !isFin {
		return
	}
	c.ackPending = true // also for what we have already: RFC 9293 section 3.10.7.4
	if old := c.rcvNxt - seq; int32(old) > 0 {
		if old > uint32(len(data)) || old == uint32(len(data)) && !isFin {
			return
		}
		data, seq = data[old:], c.rcvNxt
	}
	if seq != c.rcvNxt {
		s.queueOutOfOrder(c, seq, data)
		return // a FIN beyond the gap will come again
	}
	if room := receiveBuffer - c.rcvBuffered; len(data) > room {
		data, isFin = data[:room], false
	}
	if len(data) > 0 {
		s.deliver(c, data)
		if c.state == closed {
			return
		}
		isFin = isFin && c.reassemblyLen == 0 && c.rcvNxt == g.seq+uint32(len(g.data))
	}
	if isFin {
		s.processFin(c)
	}
}

// processFin: the peer will send no more.
func (s *Stack) processFin(c *Conn) {
	c.rcvNxt++
	c.ackPending = true
	switch c.state {
	case established:
		c.state = closeWait
	case finWait1: // our FIN is not acknowledged, or takeAck had changed the state
		c.state = closing
	case finWait2:
		s.sendAck(c)
		s.enterTimeWait(c)
	default:
	}
}

// afterSegment does what a segment has made possible.
func (s *Stack) afterSegment(c *Conn) {
	if c.rcvBuffered > 0 && !c.appClosed {
		s.deliverBuffered(c)
	}
	if c.state == closeWait && !c.finQueued && (c.rcvBuffered == 0 || c.CanSend()) {
		c.finQueued = true // all is answered that can be
	}
	s.output(c)
}

// challenge answers a segment that may be forged with what we expect, RFC 5961
// section 7. The bound on how often is per connection: a bound for all would tell
// an attacker about others (CVE-2016-5696).
func (s *Stack) challenge(c *Conn) {
	const every = 5e6 // ns
	if c.state == synReceived || s.now-c.lastChallenge < every && c.lastChallenge != 0 {
		return
	}
	c.lastChallenge = s.now
	s.Stats.Challenges++
	c.ackPending = true
}
