// SPDX-License-Identifier: Apache-2.0

package tcpip

import "crossing/servers/checksum"

// fastPath processes the next in-order segment of an ESTABLISHED connection
// without loss, from and to the MACs of its header, without flags but ACK and
// PSH, with the usual options and something new in it (Van Jacobson's header
// prediction). It reports whether it has processed the frame; if not, nothing
// has changed, and the slow path takes it.
//
// All that the slow path checks holds here by equality: the sequence number is
// RCV.NXT, the acknowledgement lies between SND.UNA and SND.NXT, the timestamp
// is not older than TS.Recent.
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
	ackNo := be32(h[tcpAck:])
	acked := ackNo - c.sndUna
	if c.state != established || c.loss != nil || c.hasRcvBuf || c.rcvFinQueued ||
		h[tcpFlags]&^psh != ack || h[tcpOffset] != c.header[tcpOffset] ||
		be32(h[tcpSeq:]) != c.rcvNxt || acked > c.sndNxt-c.sndUna || !c.sameMACs(h) {
		return false
	}
	start := int(c.headerLen)
	if end < start || end-start > receiveBuffer || end == start && acked == 0 {
		return false
	}
	if c.tsEnabled {
		if le32(f[tsStart:]) != tsPrefix {
			return false
		}
		tsVal := be32(f[tsValue:])
		if before(tsVal, c.tsRecent) || !s.checksumsOK(f[:end]) {
			return false
		}
		c.tsRecent = tsVal
	} else if !s.checksumsOK(f[:end]) {
		return false
	}
	s.Stats.FastPath++
	c.lastProgress = s.now
	c.sndWnd = uint32(be16(h[tcpWindow:])) << c.sndWndShift
	c.maxSndWnd = max(c.maxSndWnd, c.sndWnd)
	c.sndWL1 = c.rcvNxt
	if acked != 0 {
		s.advanceSndUna(c, acked)
	}
	if end > start {
		s.deliver(c, f[start:end])
	}
	if c.sndQueued != 0 || c.ackPending || c.finQueued {
		s.output(c)
	}
	return true
}

// sameMACs reports whether a frame's MACs are those of the connection's
// header, exchanged.
func (c *Conn) sameMACs(h *[baseHeaderLen]byte) bool {
	// Each load takes the six bytes of a MAC and two more, which are shifted out.
	return ((le64(h[ethSrc:])^le64(c.header[ethDst:]))|(le64(h[ethDst:])^le64(c.header[ethSrc:])))<<16 == 0
}

// checksumsOK reports whether both checksums of a TCP segment are right. The IP
// header has no options.
func (s *Stack) checksumsOK(f []byte) bool {
	if s.checksumsVerified {
		return true
	}
	h := (*[tcpStart]byte)(f)
	ip := uint64(le32(h[ipStart:])) + uint64(le32(h[ipID:])) + uint64(le32(h[ipTTL:])) + uint64(le32(h[ipSrc:])) + uint64(le32(h[ipDst:]))
	return checksum.Fold(ip) == 0xffff &&
		checksum.Fold(checksum.Sum(f[ipSrc:], checksum.Word(protocolTCP)+checksum.Word(uint16(len(f)-tcpStart)))) == 0xffff
}
