package tcpip

import "crossing/servers/checksum"

const icmpAt = tcpAt

// pingRate bounds the answers to echo requests per second (RFC 1812 section 4.3.2.8
// asks routers for such a bound; here it keeps a flood off the served).
const pingRate = 1000

func (s *Stack) icmp(f []byte) {
	if len(f) < icmpAt+8 || checksum.Fold(checksum.Sum(f[icmpAt:], 0)) != 0xffff {
		s.Stats.BadChecksum++
		return
	}
	switch {
	case f[icmpAt] == 8 && f[icmpAt+1] == 0:
		s.echo(f)
	case f[icmpAt] == 3 && f[icmpAt+1] == 4:
		s.tooBig(f[icmpAt:])
	default:
		// RFC 5927 section 5.2: no other error ends a connection; time will.
		s.Stats.Dropped++
	}
}

// echo answers an echo request, RFC 792.
func (s *Stack) echo(f []byte) {
	if len(f) > len(s.room) {
		s.Stats.Dropped++
		return
	}
	if s.pingTime == 0 || s.now-s.pingTime > 1e9 {
		s.pingTime, s.pingsLeft = s.now, pingRate
	}
	if s.pingsLeft == 0 {
		s.Stats.Dropped++
		return
	}
	s.pingsLeft--
	b := s.ipv4(f, protocolICMP, len(f)-icmpAt)
	copy(b[icmpAt:], f[icmpAt:])
	b[icmpAt], b[icmpAt+2], b[icmpAt+3] = 0, 0, 0
	checksum.Put(b[icmpAt+2:], checksum.Sum(b[icmpAt:], 0))
	s.send(len(b))
}

// tooBig takes "fragmentation needed", RFC 1191 section 3: the path is narrower
// than we thought. The quoted sequence number must be one that is in flight
// (RFC 5927 section 7), and the MTU one that can be.
func (s *Stack) tooBig(m []byte) {
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
	s.fitMSS(c, min(before+uint32(c.headLen-shortHead), mtu-40))
	if c.mss < before {
		s.timedOut(c, false)
	}
}
