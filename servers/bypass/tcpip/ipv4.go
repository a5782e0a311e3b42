// SPDX-License-Identifier: Apache-2.0

package tcpip

import "crossing/servers/checksum"

// demux takes the frames that were not predicted: it checks what RFC 1122
// section 3.2.1 wants checked and hands the packet to its protocol. IP options are
// taken off, so that what follows finds everything in its place.
func (s *Stack) demux(f []byte) {
	if len(f) < ipStart {
		s.Stats.Dropped++
		return
	}
	// To us, or to everyone: the port may be promiscuous.
	if f[0]&1 == 0 && string(f[:6]) != string(s.cfg.MAC) {
		s.Stats.Dropped++
		return
	}
	switch le16(f[ethType:]) {
	case typeARP:
		s.handleARP(f)
		return
	case typeIPv4:
	default:
		s.Stats.Dropped++
		return
	}
	if len(f) < tcpStart {
		s.Stats.Dropped++
		return
	}
	head := int(f[ipStart]&15) * 4
	total := int(be16(f[ipLength:]))
	if f[ipStart]>>4 != 4 || head < 20 || total < head || ipStart+total > len(f) {
		s.Stats.Dropped++
		return
	}
	// The IP head is checked even where the port has done so: frames that
	// come this way are few.
	if checksum.Fold(checksum.Sum(f[ipStart:ipStart+head], 0)) != 0xffff && !s.checksumsVerified {
		s.Stats.BadChecksum++
		return
	}
	// Not ours; a fragment; from no single host (RFC 1122 section 3.2.1.3).
	if le32(f[ipDst:]) != s.ipLE || be16(f[ipFragment:])&0x3fff != 0 ||
		f[ipSrc] >= 224 || f[ipSrc] == 0 || f[0]&1 != 0 || le32(f[ipSrc:]) == s.ipLE {
		s.Stats.Dropped++
		return
	}
	f = f[:ipStart+total]
	if head > 20 {
		if f = s.stripIPOptions(f, head); f == nil {
			s.Stats.Dropped++
			return
		}
	}
	switch f[ipProtocol] {
	case protocolTCP:
		s.handleTCP(f)
	case protocolICMP:
		s.handleICMP(f)
	default:
		s.Stats.Dropped++
	}
}

// stripIPOptions returns a frame whose IP head has no options, in a place of
// its own. Source routes are refused: an answer would have to go back on them
// (RFC 1122 section 3.2.1.8), and nobody should ask for that (RFC 7126 section 4.3).
func (s *Stack) stripIPOptions(f []byte, head int) []byte {
	for o := f[tcpStart : ipStart+head]; len(o) > 0 && o[0] != 0; {
		switch {
		case o[0] == 1:
			o = o[1:]
			continue
		case len(o) < 2 || o[1] < 2 || int(o[1]) > len(o):
			return nil
		case o[0] == 131 || o[0] == 137:
			return nil
		}
		o = o[o[1]:]
	}
	b := make([]byte, 0, len(f)) // rare enough
	b = append(append(b, f[:tcpStart]...), f[ipStart+head:]...)
	b[ipStart] = 0x45
	putBE16(b[ipLength:], uint16(len(b)-ipStart))
	return b
}
