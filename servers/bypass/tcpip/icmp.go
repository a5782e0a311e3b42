// SPDX-License-Identifier: Apache-2.0

package tcpip

import "crossing/servers/checksum"

const icmpStart = tcpStart

// echoRate bounds the answers to echo requests per second (RFC 1812 section 4.3.2.8
// asks routers for such a bound; here it keeps a flood off the served).
const echoRate = 1000

func (s *Stack) handleICMP(f []byte) {
	if len(f) < icmpStart+8 || checksum.Fold(checksum.Sum(f[icmpStart:], 0)) != 0xffff {
		s.Stats.BadChecksum++
		return
	}
	switch {
	case f[icmpStart] == 8 && f[icmpStart+1] == 0:
		s.handleEcho(f)
	case f[icmpStart] == 3 && f[icmpStart+1] == 4:
		s.fragmentationNeeded(f[icmpStart:])
	default:
		// RFC 5927 section 5.2: no other error ends a connection; time will.
		s.Stats.Dropped++
	}
}

// handleEcho answers an echo request, RFC 792.
func (s *Stack) handleEcho(f []byte) {
	if len(f) > len(s.txBuf) {
		s.Stats.Dropped++
		return
	}
	if s.pingTime == 0 || s.now-s.pingTime > 1e9 {
		s.pingTime, s.pingsLeft = s.now, echoRate
	}
	if s.pingsLeft == 0 {
		s.Stats.Dropped++
		return
	}
	s.pingsLeft--
	b := s.writeIPv4Header(f, protocolICMP, len(f)-icmpStart)
	copy(b[icmpStart:], f[icmpStart:])
	b[icmpStart], b[icmpStart+2], b[icmpStart+3] = 0, 0, 0
	checksum.Put(b[icmpStart+2:], checksum.Sum(b[icmpStart:], 0))
	s.send(len(b))
}

// fragmentationNeeded takes "fragmentation needed", RFC 1191 section 3: the path is narrower
// than we thought. The quoted sequence number must be one that is in flight
// (RFC 5927 section 7), and the MTU one that can be.
func (s *Stack) fragmentationNeeded(m []byte) {
	const quote = 8
	if len(m) < quote+28 || m[quote] != 0x45 || m[quote+9] != protocolTCP || le32(m[quote+12:]) != s.ipLE {
		s.Stats.Dropped++
		return
	}
	mtu := uint32(be16(m[6:]))
	tcp := m[quote+20:]
	c := s.table.get(uint64(le32(m[quote+16:]))<<16 | uint64(le16(tcp[2:])))
	if c == nil || c.state == synReceived || c.state == timeWait || le16(tcp) != s.port ||
		be32(tcp[4:])-c.sndUna >= c.sndNxt-c.sndUna {
		s.Stats.Dropped++
		return
	}
	before := c.mss
	if mtu < 576 { // RFC 879's default is as low as one believes a stranger
		mtu = 576
	}
	s.setMSS(c, min(before+uint32(c.headerLen-baseHeaderLen), mtu-40))
	if c.mss < before {
		s.retransmitTimedOut(c, false)
	}
}
