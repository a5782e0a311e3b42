// SPDX-License-Identifier: Apache-2.0

package tcpip

import "encoding/binary"

// Offsets in a frame: Ethernet, then IPv4 without options, then TCP.
const (
	ethDst, ethSrc, ethType = 0, 6, 12
	ethHeaderLen            = 14
	ipStart                 = ethHeaderLen
	ipLength                = ipStart + 2
	ipID                    = ipStart + 4
	ipFragment              = ipStart + 6
	ipTTL                   = ipStart + 8
	ipProtocol              = ipStart + 9
	ipSum                   = ipStart + 10
	ipSrc                   = ipStart + 12
	ipDst                   = ipStart + 16
	tcpStart                = ipStart + 20
	tcpSrc                  = tcpStart
	tcpDst                  = tcpStart + 2
	tcpSeq                  = tcpStart + 4
	tcpAck                  = tcpStart + 8
	tcpOffset               = tcpStart + 12
	tcpFlags                = tcpStart + 13
	tcpWindow               = tcpStart + 14
	tcpSum                  = tcpStart + 16
	tcpUrgent               = tcpStart + 18
	tcpOptions              = tcpStart + 20
	tsStart                 = tcpOptions     // NOP, NOP, kind, length
	tsValue                 = tcpOptions + 4 // RFC 7323 section 3.2
	tsEcho                  = tcpOptions + 8
	baseHeaderLen           = tcpOptions      // of all headers, without timestamps
	tsHeaderLen             = tcpOptions + 12 // with them
)

const (
	fin = 1 << iota
	syn
	rst
	psh
	ack
)

const (
	protocolICMP = 1
	protocolTCP  = 6
)

// The EtherTypes and the start of a timestamps option, as little-endian loads
// read them.
const (
	typeIPv4 = 0x0008
	typeARP  = 0x0608
	tsPrefix = 0x0a080101
)

func le16(b []byte) uint16       { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32       { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64       { return binary.LittleEndian.Uint64(b) }
func be16(b []byte) uint16       { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32       { return binary.BigEndian.Uint32(b) }
func putLE16(b []byte, n uint16) { binary.LittleEndian.PutUint16(b, n) }
func putBE16(b []byte, n uint16) { binary.BigEndian.PutUint16(b, n) }
func putBE32(b []byte, n uint32) { binary.BigEndian.PutUint32(b, n) }

// before reports whether a precedes b in sequence space, RFC 9293 section 3.4.
func before(a, b uint32) bool { return int32(a-b) < 0 }

// sumFixedHeader adds the fixed part of a TCP header to a sum, unfolded.
func sumFixedHeader(h *[baseHeaderLen]byte, sum uint64) uint64 {
	return sum + uint64(le32(h[tcpStart:])) + uint64(le32(h[tcpSeq:])) + uint64(le32(h[tcpAck:])) +
		uint64(le32(h[tcpOffset:])) + uint64(le32(h[tcpSum:]))
}
