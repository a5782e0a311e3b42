// SPDX-License-Identifier: Apache-2.0

package tcpip

// ARP, RFC 826. Only requests for our own address are answered, and nothing is
// learned: the stack sends to where frames come from.
const (
	arpOperation = 20
	arpSender    = 22
	arpSenderIP  = 28
	arpTarget    = 32
	arpTargetIP  = 38
	arpEnd       = 42

	arpFrameLen = 60 // the least frame of Ethernet, without its checksum
)

// handleARP answers an ARP request.
func (s *Stack) handleARP(f []byte) {
	if len(f) < arpEnd || be16(f[14:]) != 1 || be16(f[16:]) != 0x800 || f[18] != 6 || f[19] != 4 ||
		be16(f[arpOperation:]) != 1 || le32(f[arpTargetIP:]) != s.ipLE {
		s.Stats.Dropped++
		return
	}
	b := s.txBuf[:arpFrameLen]
	clear(b)
	copy(b[ethDst:], f[arpSender:arpSender+6])
	s.writeARPHeader(b, 2)
	copy(b[arpTarget:], f[arpSender:arpSender+6])
	copy(b[arpTargetIP:], f[arpSenderIP:arpSenderIP+4])
	s.send(arpFrameLen)
}

// Announce sends a gratuitous ARP request (RFC 5227 section 3), so that peers
// that knew the address at another port learn ours.
func (s *Stack) Announce() {
	b := s.txBuf[:arpFrameLen]
	clear(b)
	copy(b[ethDst:], "\xff\xff\xff\xff\xff\xff")
	s.writeARPHeader(b, 1)
	copy(b[arpTargetIP:], s.ip[:])
	s.send(arpFrameLen)
}

func (s *Stack) writeARPHeader(b []byte, operation byte) {
	copy(b[ethSrc:], s.cfg.MAC)
	copy(b[ethType:], "\x08\x06\x00\x01\x08\x00\x06\x04\x00")
	b[arpOperation+1] = operation
	copy(b[arpSender:], s.cfg.MAC)
	copy(b[arpSenderIP:], s.ip[:])
}
