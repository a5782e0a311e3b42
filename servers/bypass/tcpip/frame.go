package tcpip

import "encoding/binary"

// Where things are in a frame: Ethernet, then IPv4 without options, then TCP.
const (
	ethDst, ethSrc, ethType = 0, 6, 12
	ipAt                    = 14
	ipLength                = ipAt + 2
	ipID                    = ipAt + 4
	ipFragment              = ipAt + 6
	ipTTL                   = ipAt + 8
	ipProtocol              = ipAt + 9
	ipSum                   = ipAt + 10
	ipSrc                   = ipAt + 12
	ipDst                   = ipAt + 16
	tcpAt                   = ipAt + 20
	tcpSrc                  = tcpAt
	tcpDst                  = tcpAt + 2
	tcpSeq                  = tcpAt + 4
	tcpAck                  = tcpAt + 8
	tcpOffset               = tcpAt + 12
	tcpFlags                = tcpAt + 13
	tcpWindow               = tcpAt + 14
	tcpSum                  = tcpAt + 16
	tcpOptions              = tcpAt + 20
	tsAt                    = tcpOptions     // NOP, NOP, kind, length
	tsValue                 = tcpOptions + 4 // RFC 7323 section 3.2
	tsEcho                  = tcpOptions + 8
	shortHead               = tcpOptions      // head without timestamps
	longHead                = tcpOptions + 12 // head with them
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

// The EtherTypes and the start of a timestamp option, as little-endian loads
// see them.
const (
	typeIPv4 = 0x0008
	typeARP  = 0x0608
	tsStart  = 0x0a080101
)

func le16(b []byte) uint16       { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32       { return binary.LittleEndian.Uint32(b) }
func be16(b []byte) uint16       { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32       { return binary.BigEndian.Uint32(b) }
func putLE16(b []byte, n uint16) { binary.LittleEndian.PutUint16(b, n) }
func putBE16(b []byte, n uint16) { binary.BigEndian.PutUint16(b, n) }
func putBE32(b []byte, n uint32) { binary.BigEndian.PutUint32(b, n) }

// before tells whether a comes before b in sequence space, RFC 9293 section 3.4.
func before(a, b uint32) bool { return int32(a-b) < 0 }

// words adds the fixed part of a TCP head to a sum, unfolded.
func words(h *[shortHead]byte, sum uint64) uint64 {
	return sum + uint64(le32(h[tcpAt:])) + uint64(le32(h[tcpSeq:])) + uint64(le32(h[tcpAck:])) +
		uint64(le32(h[tcpOffset:])) + uint64(le32(h[tcpSum:]))
}
