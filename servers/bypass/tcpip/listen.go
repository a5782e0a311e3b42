// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"encoding/binary"

	"github.com/dchest/siphash"

	"crossing/servers/checksum"
)

// listen processes a segment without a connection: RFC 9293 sections 3.10.7.1
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

// acceptSYN answers a SYN.
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
	c.sndWL1 = g.seq
	c.sndWnd = g.wnd // never scaled in a SYN: RFC 7323 section 2.2
	c.maxSndWnd = g.wnd
	s.sendSynAck(c)
	c.rttTiming, c.rttSeq, c.rttStart = true, c.sndNxt, s.now
	s.setTimer(c, timerSynAck, s.now+c.rto)
}

// synAckTimedOut sends the SYN-ACK again, or removes the connection.
func (s *Stack) synAckTimedOut(c *Conn) {
	const retries = 5
	if c.synAckRetries++; c.synAckRetries > retries {
		s.remove(c)
		return
	}
	c.rto = min(2*c.rto, int64(maxRTO))
	s.sendSynAck(c)
	s.setTimer(c, timerSynAck, s.now+c.rto)
}

// establish completes the handshake: the peer has acknowledged our SYN.
func (s *Stack) establish(c *Conn, wnd uint32) {
	if c.state == synReceived {
		s.halfOpen--
	}
	c.state = established
	c.sndUna = c.iss + 1
	c.sndWnd = wnd << c.sndWndShift
	c.maxSndWnd = max(c.maxSndWnd, c.sndWnd)
	switch {
	case c.synAckRetries > 0: // the path is lossy or slow
		c.rto = 3e9    // RFC 6298 section 5.7
		c.cwnd = c.mss // RFC 5681 section 3.1
	case c.rttTiming:
		s.updateRTT(c, s.now-c.rttStart)
	}
	c.rttTiming = false
	s.restartTimer(c)
	s.app.Opened(c)
}

// canReuse reports whether a segment may open a new connection in the place of
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

// hash is a keyed function of a connection that a peer cannot predict, as RFC
// 6528 section 3 demands for sequence numbers. What it is used for is part of
// its argument.
func (s *Stack) hash(key, use uint64) uint64 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], key)
	binary.LittleEndian.PutUint64(b[8:], use)
	return siphash.Hash(s.secret0, s.secret1, b[:])
}

const (
	hashISN = iota + 1
	hashTimestamp
)

// initialSeq returns the initial sequence number of RFC 6528: a clock of 4 us
// ticks and a hash.
func (s *Stack) initialSeq(key uint64) uint32 {
	return uint32(s.now/4000) + uint32(s.hash(key, hashISN))
}

// tsOffset returns what a connection adds to the clock for TSval: the clock
// alone would reveal our uptime (RFC 7323 section 7.1).
func (s *Stack) tsOffset(key uint64) uint32 {
	return uint32(s.hash(key, hashTimestamp)) &^ cookieBits
}

// tsVal returns TSval, in milliseconds.
func (s *Stack) tsVal(offset uint32) uint32 { return uint32(s.now/1e6) + offset }

// sendSynAck sends the SYN-ACK. If it is not the first, the response to it no
// longer measures the round-trip time (Karn's algorithm).
func (s *Stack) sendSynAck(c *Conn) {
	c.rttTiming = false
	copy(s.txBuf[:tcpOptions], c.header[:tcpOptions])
	o := s.txBuf[tcpOptions:tcpOptions]
	o = s.appendSYNOptions(o, c.tsEnabled, c.sackPermitted, c.windowScaling, s.tsVal(c.tsOffset), c.tsRecent)
	s.sendControl(tcpOptions+len(o), c.iss, c.rcvNxt, syn|ack)
}

// appendSYNOptions appends the options of our SYN: those that the peer has
// offered (RFC 7323 sections 2.2 and 3.2).
func (s *Stack) appendSYNOptions(o []byte, timestamps, sackPermitted, windowScaling bool, tsVal, tsEcr uint32) []byte {
	mss := s.cfg.MTU - 40
	o = append(o, 2, 4, byte(mss>>8), byte(mss))
	switch {
	case timestamps && sackPermitted:
		o = append(o, 4, 2, 8, 10)
	case timestamps:
		o = append(o, 1, 1, 8, 10)
	case sackPermitted:
		o = append(o, 1, 1, 4, 2)
	}
	if timestamps {
		o = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(o, tsVal), tsEcr)
	}
	if windowScaling {
		o = append(o, 1, 3, 3, 0)
	}
	return o
}

// sendControl completes and sends a segment without payload of n bytes, options
// included. Its addresses, ports and window are in place.
func (s *Stack) sendControl(n int, seq, ackNo uint32, flags byte) {
	b := s.txBuf[:n]
	b[tcpOffset] = byte(n-tcpStart) / 4 << 4
	b[tcpFlags] = flags
	putBE32(b[tcpSeq:], seq)
	putBE32(b[tcpAck:], ackNo)
	putBE16(b[ipLength:], uint16(n-ipStart))
	b[ipSum], b[ipSum+1], b[tcpSum], b[tcpSum+1] = 0, 0, 0, 0
	b[tcpUrgent], b[tcpUrgent+1] = 0, 0
	pseudo := checksum.Sum(b[ipSrc:tcpStart], checksum.Word(protocolTCP)+checksum.Word(uint16(n-tcpStart)))
	if s.cfg.TxChecksumOffload {
		putLE16(b[tcpSum:], checksum.Fold(pseudo))
	} else {
		checksum.Put(b[ipSum:], checksum.Sum(b[ipStart:tcpStart], 0))
		checksum.Put(b[tcpSum:], checksum.Sum(b[tcpStart:], pseudo))
	}
	s.send(n)
}

// writeReplyHeader starts a segment to the sender of g.
func (s *Stack) writeReplyHeader(g *segment) {
	s.writeIPv4Header(g.frame, protocolTCP, 20)
	b := s.txBuf
	copy(b[tcpSrc:], g.frame[tcpDst:tcpDst+2])
	copy(b[tcpDst:], g.frame[tcpSrc:tcpSrc+2])
	putBE16(b[tcpWindow:], 0)
}

// resetRate bounds resets of segments without a connection per second.
const resetRate = 1000

// resetStranger resets a segment without a connection: RFC 9293 section 3.10.7.1.
func (s *Stack) resetStranger(g *segment) {
	if s.cfg.SharedAddress || !s.resetLimit.allow(s.now, resetRate) {
		s.Stats.Dropped++
		return
	}
	s.writeReplyHeader(g)
	if g.flags&ack != 0 {
		s.sendControl(tcpOptions, g.ack, 0, rst)
	} else {
		s.sendControl(tcpOptions, 0, g.seq+g.length(), rst|ack)
	}
}
