// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"net/netip"

	"crossing/servers/checksum"
)

// state is that of RFC 9293 section 3.3.2. LISTEN is the stack's own, and SYN-SENT
// does not occur.
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

// String returns the RFC's name.
func (s state) String() string {
	return [...]string{"CLOSED", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"}[s]
}

const (
	// queueLen is how many pieces may wait to be acknowledged.
	queueLen = 16
	// receiveBuffer is the window that is offered, and what a connection may
	// hold of bytes that the app has not taken or that came out of order. It
	// fits the 16 bits of the field, so our own scale is 0.
	receiveBuffer = 32 << 10
	// initialWindow is RFC 6928's, in segments.
	initialWindow = 10
)

// hotCacheLines is how many cache lines of a connection each request touches.
const hotCacheLines = 4

// A Conn is one connection. What each request touches comes first and fills
// hotLines cache lines; with thousands of connections each of them is a miss.
type Conn struct {
	id            uint32
	state         state
	sndWndShift   uint8 // of the windows that the peer sends
	windowScaling bool  // both scale their windows
	tsEnabled     bool  // RFC 7323 timestamps are used
	sackPermitted bool  // RFC 2018 is used
	hasRcvBuf     bool  // buf is there, which itself is far
	ackPending    bool  // an acknowledgement
	inAckList     bool  // in Stack.owing
	finQueued     bool  // send FIN when the queue is empty
	finSent       bool  // FIN is sent; it is the last of sndNxt
	appClosed     bool  // the app wants no more data
	headerLen     uint8 // shortHead or longHead

	// RFC 9293 section 3.3.1. 32 bits of sequence space; windows are scaled.
	sndUna, sndNxt    uint32
	sndWnd, maxSndWnd uint32
	rcvNxt            uint32
	tsRecent          uint32 // TS.Recent

	cwnd, ssthresh uint32
	mss            uint32 // payload of a full segment
	tsOffset       uint32 // added to the clock for TSval, so that it tells no uptime
	rttSeq         uint32 // the timed segment's end

	sndQueued int // bytes from sndUna on that the app wants sent
	sndOffset int // of sndUna in the first piece

	rto, srtt, rttvar int64 // ns, RFC 6298
	rttStart          int64
	lastReceived      int64 // when the peer last gave a sign of life
	lastDataSent      int64 // when data were last sent

	loss *lossState // not nil: something is thought to be lost, or SACKed

	ipHeaderSum, tcpHeaderSum uint64 // of what is fixed in the heads
	header                    [tsHeaderLen]byte

	rttTiming bool  // a segment is timed
	queueHead uint8 // of queue
	queueTail uint8 // end of queue
	backoff   uint8 // time-outs in a row
	dupAcks   uint8 // duplicate acknowledgements in a row

	queue [queueLen]piece

	key             uint64
	rcvBuf          []byte                  // receive buffer: first held bytes in order, then those to come
	rcvBuffered     int                     // bytes in order
	reassembly      [maxReassembly]seqRange // what is there beyond them
	reassemblyLen   int
	lastReassembled uint32 // where the span begins that came last

	iss           uint32
	lastChallenge int64 // when the last challenge ACK was sent

	candidateMAC [6]byte // MAC that a segment came from, if it was another than head's

	// An odd number of cache lines, so that the same part of all connections
	// does not fall into the same sets of the cache.
	_ [88]byte
}

// A piece is a part of what is to be sent.
type piece struct {
	data []byte
	sum  uint64 // of data, unfolded; 0: not known
}

// ID is a small number that no other open connection has; it is used again
// when this one is gone. An app keeps its own state in a slice by ID.
func (c *Conn) ID() int { return int(c.id) }

// Peer is the other end.
func (c *Conn) Peer() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(c.header[ipDst:])), be16(c.header[tcpDst:]))
}

// CanSend tells whether Send may be called, twice.
func (c *Conn) CanSend() bool { return c.queueTail < queueLen-1 && c.sndQueued < 1<<30 && !c.appClosed }

// Send queues bytes. They must not change any more: they are sent from where
// they are, again if need be. Only call it when there is Room.
func (c *Conn) Send(b []byte) { c.enqueue(piece{data: b}) }

// SendSummed is Send for bytes whose checksum.Sum(b, 0) is known.
func (c *Conn) SendSummed(b []byte, sum uint64) { c.enqueue(piece{b, sum}) }

func (c *Conn) enqueue(p piece) {
	if len(p.data) == 0 || c.finQueued {
		return
	}
	c.queue[c.queueTail] = p
	c.queueTail++
	c.sndQueued += len(p.data)
}

// Close ends the connection when all is sent. What still arrives is thrown
// away.
func (c *Conn) Close() { c.appClosed, c.finQueued = true, true }

// slabSize is how many connections are made at once.
const slabSize = 64

// conn returns the connection with that id.
func (s *Stack) conn(id uint32) *Conn { return &s.slabs[id/slabSize][id%slabSize] }

// newConn makes a connection with the peer that sent f, or nil.
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
		ssthresh: 1 << 30, rto: int64(initialRTO), lastReceived: s.now}
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
	h[ipTTL], h[ipProtocol] = 64, protocolTCP
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

// learnMAC takes the MAC that a segment came from: the peer may have moved behind
// another port or router. No checksum covers it, so one frame may be damaged; it
// takes two in a row to be believed, or all answers would go astray until the
// peer, who has nothing to say, is given up.
func (c *Conn) learnMAC(mac []byte) {
	switch at := c.header[ethDst : ethDst+6]; {
	case string(mac) == string(at):
		clear(c.candidateMAC[:])
	case string(mac) == string(c.candidateMAC[:]):
		copy(at, mac)
	default:
		copy(c.candidateMAC[:], mac)
	}
}

// setMSS sets the payload of a full segment: what both the peer (RFC 9293
// section 3.7.1) and the path take, less the options that each carries.
func (s *Stack) setMSS(c *Conn, mss uint32) {
	mss = min(mss, uint32(s.cfg.MTU-40))
	c.mss = max(mss, 88) - uint32(c.headerLen-baseHeaderLen)
}

// remove forgets a connection.
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
	told := c.state != synReceived
	c.state = closed
	c.ackPending = false
	s.table.remove(c.key)
	if s.lastConn == c {
		s.lastConn = nil
	}
	s.deadlines[c.id] = 0
	s.freeLossState(c)
	s.freeRcvBuf(c)
	clear(c.queue[:c.queueTail])
	s.freeIDs = append(s.freeIDs, c.id)
	s.Stats.Closed++
	if told {
		s.app.Closed(c)
	}
}

// abort tells the peer that the connection is no more, and forgets it.
func (s *Stack) abort(c *Conn) {
	copy(s.txBuf[:c.headerLen], c.header[:c.headerLen])
	s.sendSegment(c, c.sndNxt, rst|ack, 0, 0)
	s.Stats.Reset++
	s.remove(c)
}
