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

// hotLines is how many cache lines of a connection each request touches.
const hotLines = 4

// A Conn is one connection. What each request touches comes first and fills
// hotLines cache lines; with thousands of connections each of them is a miss.
type Conn struct {
	id      uint32
	state   state
	scale   uint8 // of the windows that the peer sends
	scaled  bool  // both scale their windows
	stamps  bool  // RFC 7323 timestamps are used
	sacks   bool  // RFC 2018 is used
	holds   bool  // buf is there, which itself is far
	owes    bool  // an acknowledgement
	listed  bool  // in Stack.owing
	ends    bool  // send FIN when the queue is empty
	ended   bool  // FIN is sent; it is the last of sndNxt
	closes  bool  // the app wants no more data
	headLen uint8 // shortHead or longHead

	// RFC 9293 section 3.3.1. 32 bits of sequence space; windows are scaled.
	sndUna, sndNxt uint32
	sndWnd, maxWnd uint32
	rcvNxt         uint32
	recent         uint32 // TS.Recent

	cwnd, ssthresh uint32
	mss            uint32 // payload of a full segment
	stampBase      uint32 // added to the clock for TSval, so that it tells no uptime
	timed          uint32 // the timed segment's end

	queued int // bytes from sndUna on that the app wants sent
	offset int // of sndUna in the first piece

	rto, srtt, rttvar int64 // ns, RFC 6298
	timedAt           int64
	moved             int64 // when the peer last gave a sign of life
	sentAt            int64 // when data were last sent

	loss *loss // not nil: something is thought to be lost, or SACKed

	ipSum, tcpSum uint64 // of what is fixed in the heads
	head          [longHead]byte

	timing  bool  // a segment is timed
	first   uint8 // of queue
	beyond  uint8 // end of queue
	backoff uint8 // time-outs in a row
	dups    uint8 // duplicate acknowledgements in a row

	queue [queueLen]piece

	key    uint64
	buf    []byte         // receive buffer: first held bytes in order, then those to come
	have   int            // bytes in order
	spans  [maxSpans]span // what is there beyond them
	nspans int
	newest uint32 // where the span begins that came last

	iss        uint32
	challenged int64 // when the last challenge ACK was sent

	elsewhere [6]byte // MAC that a segment came from, if it was another than head's

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
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(c.head[ipDst:])), be16(c.head[tcpDst:]))
}

// Room tells whether Send may be called, twice.
func (c *Conn) Room() bool { return c.beyond < queueLen-1 && c.queued < 1<<30 && !c.closes }

// Send queues bytes. They must not change any more: they are sent from where
// they are, again if need be. Only call it when there is Room.
func (c *Conn) Send(b []byte) { c.push(piece{data: b}) }

// SendSummed is Send for bytes whose checksum.Sum(b, 0) is known.
func (c *Conn) SendSummed(b []byte, sum uint64) { c.push(piece{b, sum}) }

func (c *Conn) push(p piece) {
	if len(p.data) == 0 || c.ends {
		return
	}
	c.queue[c.beyond] = p
	c.beyond++
	c.queued += len(p.data)
}

// Close ends the connection when all is sent. What still arrives is thrown
// away.
func (c *Conn) Close() { c.closes, c.ends = true, true }

// slab is how many connections are made at once.
const slab = 64

// conn returns the connection with that id.
func (s *Stack) conn(id uint32) *Conn { return &s.slabs[id/slab][id%slab] }

// newConn makes a connection with the peer that sent f, or nil.
func (s *Stack) newConn(f []byte, q *synOptions) *Conn {
	if s.table.used >= s.cfg.MaxConns {
		s.Stats.Refused++
		return nil
	}
	if len(s.free) == 0 {
		base := uint32(len(s.slabs) * slab)
		s.slabs = append(s.slabs, make([]Conn, slab))
		s.due = append(s.due, make([]int64, slab)...)
		for i := range uint32(slab) {
			s.free = append(s.free, base+slab-1-i)
		}
	}
	id := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	c := s.conn(id)
	*c = Conn{key: key(f), id: id, stamps: q.stamps, sacks: q.sacks, recent: q.value,
		ssthresh: 1 << 30, rto: int64(initialRTO), moved: s.now}
	c.scaled = q.scaled
	if q.scaled {
		c.scale = min(q.scale, 14) // RFC 7323 section 2.3
	}
	c.headLen = shortHead
	if c.stamps {
		c.headLen = longHead
	}
	s.fitMSS(c, uint32(q.mss))
	c.cwnd = initialWindow * c.mss

	h := c.head[:]
	copy(h[ethDst:], f[ethSrc:ethSrc+6])
	copy(h[ethSrc:], s.cfg.MAC)
	h[ethType] = 8
	h[ipAt] = 0x45
	h[ipFragment] = 0x40 // DF: RFC 1191 section 3
	h[ipTTL], h[ipProtocol] = 64, protocolTCP
	copy(h[ipSrc:], s.ip[:])
	copy(h[ipDst:], f[ipSrc:ipSrc+4])
	copy(h[tcpSrc:], f[tcpDst:tcpDst+2])
	copy(h[tcpDst:], f[tcpSrc:tcpSrc+2])
	h[tcpOffset] = (c.headLen - tcpAt) / 4 << 4
	putBE16(h[tcpWindow:], receiveBuffer)
	if c.stamps {
		copy(h[tsAt:], "\x01\x01\x08\x0a")
	}
	c.ipSum = checksum.Sum(h[ipAt:tcpAt], 0)
	c.tcpSum = checksum.Sum(h[ipSrc:tcpAt], checksum.Word(protocolTCP))
	s.table.put(c.key, c)
	s.Stats.Opened++
	return c
}

// follow takes the MAC that a segment came from: the peer may have moved behind
// another port or router. No checksum covers it, so one frame may be damaged; it
// takes two in a row to be believed, or all answers would go astray until the
// peer, who has nothing to say, is given up.
func (c *Conn) follow(mac []byte) {
	switch at := c.head[ethDst : ethDst+6]; {
	case string(mac) == string(at):
		clear(c.elsewhere[:])
	case string(mac) == string(c.elsewhere[:]):
		copy(at, mac)
	default:
		copy(c.elsewhere[:], mac)
	}
}

// fitMSS sets the payload of a full segment: what both the peer (RFC 9293
// section 3.7.1) and the path take, less the options that each carries.
func (s *Stack) fitMSS(c *Conn, mss uint32) {
	mss = min(mss, uint32(s.cfg.MTU-40))
	c.mss = max(mss, 88) - uint32(c.headLen-shortHead)
}

// remove forgets a connection.
func (s *Stack) remove(c *Conn) {
	switch c.state {
	case closed:
		return
	case synReceived:
		s.halfOpen--
	case timeWait:
		s.timeWait--
	default:
	}
	told := c.state != synReceived
	c.state = closed
	c.owes = false
	s.table.remove(c.key)
	if s.last == c {
		s.last = nil
	}
	s.due[c.id] = 0
	s.forgetLoss(c)
	s.dropBuffer(c)
	clear(c.queue[:c.beyond])
	s.free = append(s.free, c.id)
	s.Stats.Closed++
	if told {
		s.app.Closed(c)
	}
}

// abort tells the peer that the connection is no more, and forgets it.
func (s *Stack) abort(c *Conn) {
	copy(s.room[:c.headLen], c.head[:c.headLen])
	s.finish(c, c.sndNxt, rst|ack, 0, 0)
	s.Stats.Reset++
	s.remove(c)
}
