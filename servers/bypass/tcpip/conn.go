// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"net/netip"

	"crossing/servers/checksum"
)

// A state is one of RFC 9293 section 3.3.2. The stack itself is in LISTEN, and
// SYN-SENT does not occur.
type state uint8

const (
	closed state = iota
	synReceived
	established
	finWait1
	finWait2
	closeWait
	closing
	lastAck
	timeWait
)

// String returns the RFC's name of the state.
func (s state) String() string {
	return [...]string{"CLOSED", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"}[s]
}

// hotCacheLines is the number of a connection's cache lines that each request
// touches.
const hotCacheLines = 4

// A Conn is one connection. The fields that each request touches come first
// and fill hotCacheLines cache lines, whichever direction they belong to; with
// thousands of connections each line is a cache miss.
type Conn struct {
	id            uint32
	state         state
	timer         timerKind
	sndWndShift   uint8 // Snd.Wind.Shift of RFC 7323 section 2.2
	tsEnabled     bool  // RFC 7323 timestamps
	sackPermitted bool  // RFC 2018
	hasRcvBuf     bool  // rcvBuf != nil, which lies outside of the hot lines
	ackPending    bool  // an ACK is owed by the end of the burst
	inAckList     bool  // of Stack
	finQueued     bool  // send FIN after the queued data
	finSent       bool  // the last of sndNxt is the FIN
	appClosed     bool  // the app accepts no more data
	headerLen     uint8 // baseHeaderLen or tsHeaderLen

	// RFC 9293 section 3.3.1. Sequence numbers, and windows after scaling.
	sndUna, sndNxt    uint32
	sndWnd, maxSndWnd uint32
	sndWL1            uint32 // SND.WL1; SND.WL2 is never above SND.UNA, so it decides nothing
	rcvNxt            uint32
	tsRecent          uint32 // TS.Recent
	tsOffset          uint32 // of TSval to the clock

	cwnd      uint32 // RFC 5681
	maxFlight uint32 // largest flight since nothing was in flight: the part of cwnd that is in use
	mss       uint32 // payload of a full segment
	rttSeq    uint32 // end of the timed segment

	sndQueued int // bytes in the send queue from sndUna on
	sndOffset int // of sndUna in the first piece

	rto, srtt, rttvar int64 // ns, RFC 6298
	rttStart          int64 // when the timed segment was sent
	lastProgress      int64 // when new data or an ACK of new data last arrived
	lastDataSent      int64

	loss *lossState // nil: all in order

	ipHeaderSum, tcpHeaderSum uint64 // of the constant fields of header
	header                    [tsHeaderLen]byte

	rttTiming            bool // a segment is being timed
	rtoBackoff           uint8
	queueHead, queueTail uint8
	rcvFinQueued         bool // a FIN has arrived beyond a gap, at rcvFinSeq
	hasSendTimes         bool // sendTimes != nil, which lies outside of the hot lines

	sndQueue [sndQueueLen]piece

	// From here on are fields for connections in trouble.

	key           uint64
	iss           uint32
	ssthresh      uint32
	cubic         cubicState
	synAckRetries uint8 // SYN-ACKs sent again
	windowScaling bool  // both ends scale their windows
	appRetry      bool  // the app may now consume what it left in rcvBuf

	reordering      uint8  // DupThresh on this path, if above dupThresh
	undoCwnd        uint32 // before the last reduction; 0: none
	undoSsthresh    uint32
	undoRetransmits int // segments since then

	sendTimes   *sendTimes // nil: one segment at most is in flight
	tailProbe   tailProbe
	tailProbing bool // tailProbe has been sent, and its fate is not known yet

	persistBackoff  uint8 // zero-window probes since persistSince
	persistSince    int64
	retransmitSince int64 // when the retransmission timer expired first
	lastReceived    int64 // when an acceptable segment last took the slow path
	lastChallenge   int64 // when the last challenge ACK was sent

	rcvBuf        []byte // rcvBuffered bytes in order, then reassembly
	rcvBuffered   int
	rcvWndEdge    uint32                  // right edge of the advertised window, if there is a rcvBuf
	unreadSince   int64                   // since when the app has left data in rcvBuf
	reassembly    [maxReassembly]seqRange // received beyond RCV.NXT
	reassemblyLen int
	recentRanges  [4]uint32 // a sequence number in each of those that were extended last, the latest first
	rcvFinSeq     uint32
	hasDuplicate  bool     // duplicate was received twice, which the next ACK reports
	duplicate     seqRange //

	candidateMAC [6]byte // sender of the last segment, if not the header's

	// An odd number of cache lines, so that the same fields of all connections
	// do not fall into the same sets of the cache.
	_ [connPadding]byte
}

const connPadding = 32

// ID returns a small number that no other open connection has; it is reused
// after Closed. An app keeps its own state in a slice by ID.
func (c *Conn) ID() int { return int(c.id) }

// Peer returns the peer's address and port.
func (c *Conn) Peer() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(c.header[ipDst:])), be16(c.header[tcpDst:]))
}

// Close sends FIN after the queued data. Data that arrive later are
// acknowledged and discarded, without the reset that RFC 1122 section 4.2.2.13
// suggests: it could overtake the last response.
func (c *Conn) Close() { c.appClosed, c.finQueued = true, true }

// slabSize is the number of connections that are allocated at once.
const slabSize = 64

// conn returns the connection with that ID.
func (s *Stack) conn(id uint32) *Conn { return &s.slabs[id/slabSize][id%slabSize] }

// newConn adds a connection with the sender of f, or returns nil if there are
// MaxConns.
func (s *Stack) newConn(f []byte, q *synOptions) *Conn {
	if s.table.size >= s.cfg.MaxConns {
		s.Stats.Refused++
		return nil
	}
	if len(s.freeIDs) == 0 {
		base := uint32(len(s.slabs) * slabSize)
		s.slabs = append(s.slabs, make([]Conn, slabSize))
		s.deadlines = append(s.deadlines, make([]int64, slabSize)...)
		for i := range uint32(slabSize) {
			s.freeIDs = append(s.freeIDs, base+slabSize-1-i)
		}
	}
	id := s.freeIDs[len(s.freeIDs)-1]
	s.freeIDs = s.freeIDs[:len(s.freeIDs)-1]
	c := s.conn(id)
	*c = Conn{key: key(f), id: id, tsEnabled: q.hasTimestamps, sackPermitted: q.sackPermitted, tsRecent: q.tsVal,
		ssthresh: maxCwnd, rto: int64(initialRTO), lastProgress: s.now, lastReceived: s.now}
	c.windowScaling = q.hasWindowScale
	if q.hasWindowScale {
		c.sndWndShift = min(q.windowScale, 14) // RFC 7323 section 2.3
	}
	c.headerLen = baseHeaderLen
	if c.tsEnabled {
		c.headerLen = tsHeaderLen
	}
	s.setMSS(c, uint32(q.mss))
	c.cwnd = initialWindow * c.mss

	h := c.header[:]
	copy(h[ethDst:], f[ethSrc:ethSrc+6])
	copy(h[ethSrc:], s.cfg.MAC)
	h[ethType] = 8
	h[ipStart] = 0x45
	h[ipFragment] = 0x40 // DF: RFC 1191 section 3
	h[ipTTL], h[ipProtocol] = byte(s.cfg.TTL), protocolTCP
	copy(h[ipSrc:], s.ip[:])
	copy(h[ipDst:], f[ipSrc:ipSrc+4])
	copy(h[tcpSrc:], f[tcpDst:tcpDst+2])
	copy(h[tcpDst:], f[tcpSrc:tcpSrc+2])
	h[tcpOffset] = (c.headerLen - tcpStart) / 4 << 4
	putBE16(h[tcpWindow:], receiveBuffer)
	if c.tsEnabled {
		copy(h[tsStart:], "\x01\x01\x08\x0a")
	}
	c.ipHeaderSum = checksum.Sum(h[ipStart:tcpStart], 0)
	c.tcpHeaderSum = checksum.Sum(h[ipSrc:tcpStart], checksum.Word(protocolTCP))
	s.table.put(c.key, c)
	s.Stats.Opened++
	return c
}

// disableTimestamps makes a connection one without timestamps.
func (s *Stack) disableTimestamps(c *Conn) {
	c.mss += tsHeaderLen - baseHeaderLen
	c.tsEnabled = false
	c.headerLen = baseHeaderLen
	c.header[tcpOffset] = (baseHeaderLen - tcpStart) / 4 << 4
}

// setMSS sets the payload of a full segment: the least of what the peer (RFC
// 9293 section 3.7.1) and the path take, less the options of each segment.
func (s *Stack) setMSS(c *Conn, mss uint32) {
	mss = min(mss, uint32(s.cfg.MTU-40))
	c.mss = max(mss, 88) - uint32(c.headerLen-baseHeaderLen)
}

// remove deletes a connection.
func (s *Stack) remove(c *Conn) {
	switch c.state {
	case closed:
		return
	case synReceived:
		s.halfOpen--
	case timeWait:
		s.timeWaits--
	default:
	}
	wasOpened := c.state != synReceived
	c.state = closed
	c.ackPending = false
	s.table.remove(c.key)
	if s.lastConn == c {
		s.lastConn = nil
	}
	s.deadlines[c.id] = 0
	s.freeLossState(c)
	s.releaseSendTimes(c)
	s.freeRcvBuf(c)
	clear(c.sndQueue[:c.queueTail])
	s.freeIDs = append(s.freeIDs, c.id)
	s.Stats.Closed++
	if wasOpened {
		s.app.Closed(c)
	}
}

// abort resets a connection and deletes it.
func (s *Stack) abort(c *Conn) {
	copy(s.txBuf[:c.headerLen], c.header[:c.headerLen])
	s.sendSegment(c, c.sndNxt, rst|ack, 0, 0)
	s.Stats.Reset++
	s.remove(c)
}
