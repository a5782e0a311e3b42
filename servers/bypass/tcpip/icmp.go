// SPDX-License-Identifier: Apache-2.0

package tcpip

import "crossing/servers/checksum"

const icmpStart = tcpStart

// echoRate bounds echo replies per second (RFC 1812 section 4.3.2.8 asks routers
// for such a bound; here it protects the connections from a flood).
const echoRate = 1000

const (
	icmpUnreachable         = 3
	icmpEchoRequest         = 8
	codeFragmentationNeeded = 4
)

func (s *Stack) handleICMP(f []byte) {
	if len(f) < icmpStart+8 || checksum.Fold(checksum.Sum(f[icmpStart:], 0)) != 0xffff {
		s.Stats.BadChecksum++
		return
	}
	switch m := f[icmpStart:]; {
	case m[0] == icmpEchoRequest && m[1] == 0:
		s.handleEcho(f)
	case m[0] == icmpUnreachable:
		s.unreachable(m)
	default:
		s.Stats.Dropped++
	}
}

// handleEcho answers an echo request, RFC 792.
func (s *Stack) handleEcho(f []byte) {
	if len(f) > len(s.txBuf) || !s.echoLimit.allow(s.now, echoRate) {
		s.Stats.Dropped++
		return
	}
	b := s.writeIPv4Header(f, protocolICMP, len(f)-icmpStart)
	copy(b[icmpStart:], f[icmpStart:])
	b[icmpStart], b[icmpStart+2], b[icmpStart+3] = 0, 0, 0
	checksum.Put(b[icmpStart+2:], checksum.Sum(b[icmpStart:], 0))
	s.send(len(b))
}

// unreachable processes "destination unreachable" about a segment of ours that
// is in flight by the quoted sequence number (RFC 5927 section 4.1). It ends a
// half-open connection, whose peer will send another SYN if it is there after
// all; no other connection is ended by ICMP (RFC 5927 section 5.2).
func (s *Stack) unreachable(m []byte) {
	const quote = 8
	if len(m) < quote+28 || m[quote] != 0x45 || m[quote+9] != protocolTCP || le32(m[quote+12:]) != s.ipLE {
		s.Stats.Dropped++
		return
	}
	tcp := m[quote+20:]
	c := s.table.get(uint64(le32(m[quote+16:]))<<16 | uint64(le16(tcp[2:])))
	if c == nil || c.state == timeWait || le16(tcp) != s.port || be32(tcp[4:])-c.sndUna >= c.sndNxt-c.sndUna {
		s.Stats.Dropped++
		return
	}
	switch {
	case c.state == synReceived:
		s.remove(c)
	case m[1] == codeFragmentationNeeded:
		s.fragmentationNeeded(c, uint32(be16(m[6:])))
	default:
		s.Stats.Dropped++
	}
}

// fragmentationNeeded lowers the segment size to the path's MTU, RFC 1191
// section 3. A path below 576 bytes is not believed.
func (s *Stack) fragmentationNeeded(c *Conn, mtu uint32) {
	old := c.mss
	s.setMSS(c, min(old+uint32(c.headerLen-baseHeaderLen), max(mtu, 576)-40))
	if c.mss < old {
		s.retransmitSmaller(c)
	}
}
