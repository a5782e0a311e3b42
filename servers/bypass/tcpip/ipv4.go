// SPDX-License-Identifier: Apache-2.0

package tcpip

import "crossing/servers/checksum"

// demux dispatches frames that did not take the fast path, after the checks of
// RFC 1122 section 3.2.1. IP options are removed, so that all fields behind
// them are at their fixed offsets.
func (s *Stack) demux(f []byte) {
	if len(f) < ethHeaderLen {
		s.Stats.Dropped++
		return
	}
	// To us or to a group: the port may be promiscuous.
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
	header := int(f[ipStart]&15) * 4
	total := int(be16(f[ipLength:]))
	if f[ipStart]>>4 != 4 || header < 20 || total < header || ipStart+total > len(f) {
		s.Stats.Dropped++
		return
	}
	if checksum.Fold(checksum.Sum(f[ipStart:ipStart+header], 0)) != 0xffff && !s.checksumsVerified {
		s.Stats.BadChecksum++
		return
	}
	// For another address; a fragment; from a group or from nobody (RFC 1122
	// section 3.2.1.3).
	if le32(f[ipDst:]) != s.ipLE || be16(f[ipFragment:])&0x3fff != 0 ||
		f[ipSrc] >= 224 || f[ipSrc] == 0 || f[0]&1 != 0 || le32(f[ipSrc:]) == s.ipLE {
		s.Stats.Dropped++
		return
	}
	f = f[:ipStart+total]
	if header > 20 {
		if f = s.stripIPOptions(f, header); f == nil {
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

// stripIPOptions returns a copy of the packet without IP options, valid until
// the next call. Source routes are refused: a reply would have to follow them
// (RFC 1122 section 3.2.1.8), which RFC 7126 section 4.3 advises against.
func (s *Stack) stripIPOptions(f []byte, header int) []byte {
	for o := f[tcpStart : ipStart+header]; len(o) > 0 && o[0] != 0; {
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
	b := append(append(s.unoptioned[:0], f[:tcpStart]...), f[ipStart+header:]...)
	s.unoptioned = b
	b[ipStart] = 0x45
	putBE16(b[ipLength:], uint16(len(b)-ipStart))
	// The header's checksum covered the options. It has been verified.
	b[ipSum], b[ipSum+1] = 0, 0
	checksum.Put(b[ipSum:], checksum.Sum(b[ipStart:tcpStart], 0))
	return b
}
