// Package client is the other side of package tcpip: a closed loop of HTTP
// requests on many TCP connections, made of frames, without input or output of
// its own. It is for measuring servers without any kernel on the client's
// side, and for testing the stack in process.
//
// Its TCP is the least that is correct towards a server: it takes segments in
// order only (others make it repeat its acknowledgement), sends a request
// again that is not answered in time, and closes by reset.
package client

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"

	"crossing/servers/checksum"
)

// A Link sends frames; it is tcpip's.
type Link interface{ Send(n int) []byte }

// A Config says who asks whom for what.
type Config struct {
	IP     netip.Addr
	MAC    net.HardwareAddr
	Server netip.AddrPort
	Conns  int
	Ask    []byte // the request
	MSS    int    // 1460 if 0
	// InFlight bounds the requests on the way at once; Conns if 0. The others
	// wait in turn, and their time counts from when they are sent.
	InFlight int
	// FirstPort is the port of the first connection, the others follow; 10000 if 0.
	FirstPort int
}

// An Answer is one request's outcome. Times are ns on the clock of Advance.
type Answer struct {
	Conn              int
	Port              uint16
	Offset            int64 // of the request in the connection's stream
	Sent, First, Last int64
	Status            int
	Bytes             int64 // of the body
	Failure           Failure
}

// A Failure says why there is no whole answer.
type Failure uint8

// The kinds of failure.
const (
	None      Failure = iota
	Reset             // the server reset the connection
	Closed            // it closed it
	Malformed         // it sent what is no answer
)

// Stats counts what has happened.
type Stats struct {
	Requests, Answers      uint64
	Bytes                  uint64
	Again                  uint64 // requests or SYNs sent again
	OutOfOrder, Bad, Reset uint64
}

type state uint8

const (
	idle state = iota
	opening
	waiting // for the head of the answer
	reading // its body
	ready   // between requests
)

type conn struct {
	state       state
	owes        bool
	queued      bool
	port        uint16
	tries       uint8
	una, nxt    uint32 // of the request in flight
	rcv         uint32
	recent      uint32
	offset      int64
	left        int64 // of the body
	length      int64
	status      int
	asked       int64 // when the request was queued or sent again
	sent, first int64
}

// A Client belongs to one thread.
type Client struct {
	Stats Stats
	// Answered is called for each request that has its answer or, since its
	// connection is gone, will have none.
	Answered func(*Answer)
	// Body, if set, is shown each part of a body and its offset in it.
	Body func(conn int, at int64, b []byte)
	// Holding keeps a connection that has its answer from asking again.
	Holding bool

	cfg    Config
	link   Link
	room   []byte
	now    int64
	peer   []byte // the server's MAC, once known
	arped  int64
	head   [66]byte
	ipSum  uint64 // of what is fixed in the IP head
	pseudo uint64
	askSum uint64 // of the request
	conns  []conn
	fresh  []int32 // asked since the last Sent
	owing  []int32
	queue  []int32 // a ring of those ready to ask, first come first served
	asking int     // place of the first in queue
	queued int     // how many
	scan   int64   // when connections were last looked at
	looked int     // place of the next to look at
	answer Answer
	last   struct {
		head   []byte
		status int
		length int64
	}
	path   uint64 // addresses of frames for us, as a load sees them
	opened int
	busy   int // requests on the way
}

const (
	fin, syn, rst, psh, ack = 1, 2, 4, 8, 16

	window   = 1 << 18
	scale    = 4
	patience = 200e6 // ns until a request is sent again
	looks    = 16    // times that Advance looks at a part of the connections until it has seen all
)

// New returns a client that will send on link.
func New(cfg Config, link Link) *Client {
	if cfg.MSS == 0 {
		cfg.MSS = 1460
	}
	if cfg.InFlight == 0 {
		cfg.InFlight = cfg.Conns
	}
	if cfg.FirstPort == 0 {
		cfg.FirstPort = 10000
	}
	c := &Client{cfg: cfg, link: link, conns: make([]conn, cfg.Conns), queue: make([]int32, cfg.Conns)}
	c.room = link.Send(0)
	for i := range c.conns {
		c.conns[i].port = uint16(cfg.FirstPort + i)
	}
	h := c.head[:]
	copy(h[6:], cfg.MAC)
	h[12], h[14], h[20], h[22], h[23] = 8, 0x45, 0x40, 64, 6
	src, dst := cfg.IP.As4(), cfg.Server.Addr().As4()
	copy(h[26:], src[:])
	copy(h[30:], dst[:])
	binary.BigEndian.PutUint16(h[36:], cfg.Server.Port())
	h[46] = 0x80
	binary.BigEndian.PutUint16(h[48:], window>>scale)
	copy(h[54:], "\x01\x01\x08\x0a")
	c.path = uint64(binary.LittleEndian.Uint32(src[:]))<<32 | uint64(binary.LittleEndian.Uint32(dst[:]))
	c.ipSum = checksum.Sum(h[14:34], 0)
	c.pseudo = checksum.Sum(h[26:34], checksum.Word(6))
	c.askSum = checksum.Sum(cfg.Ask, 0)
	return c
}

// Open is the number of connections that are open.
func (c *Client) Open() int { return c.opened }

// Advance tells the time in ns, asks for the server's address, opens
// connections and repeats what was lost. Call it before each burst.
func (c *Client) Advance(now int64) {
	c.now = now
	if now-c.scan < 1e6 {
		return
	}
	c.scan = now
	if c.peer == nil {
		if now-c.arped > 1e8 {
			c.arped = now
			c.arp(1, []byte{255, 255, 255, 255, 255, 255}, make([]byte, 6), c.head[30:34])
		}
		return
	}
	started := 0 // some at a time: a burst of SYNs would overrun the queue
	for range (len(c.conns) + looks - 1) / looks {
		if c.looked++; c.looked >= len(c.conns) {
			c.looked = 0
		}
		k := &c.conns[c.looked]
		switch {
		case k.state == idle && started < 64 && !c.Holding:
			started++
			c.open(k)
		case k.state != idle && k.state != ready && now-k.asked > patience<<min(k.tries, 6):
			if k.tries < 255 {
				k.tries++
			}
			c.Stats.Again++
			if k.state == opening {
				c.syn(k)
			} else if k.una != k.nxt {
				again := c.cfg.Ask[len(c.cfg.Ask)-int(k.nxt-k.una):]
				c.send(k, k.una, psh|ack, again, checksum.Sum(again, 0))
			} else {
				c.send(k, k.nxt, ack, nil, 0)
			}
			k.asked = now
		}
	}
}

// open starts a connection.
func (c *Client) open(k *conn) {
	k.state = opening
	k.tries = 0
	k.una = uint32(c.now) ^ uint32(k.port)*2654435761
	k.nxt = k.una + 1
	k.rcv, k.recent, k.offset = 0, 0, 0
	k.asked = c.now
	c.syn(k)
}

func (c *Client) syn(k *conn) {
	b := c.room
	copy(b, c.head[:54])
	o := append(b[54:54], 2, 4, byte(c.cfg.MSS>>8), byte(c.cfg.MSS), 1, 1, 8, 10)
	o = binary.BigEndian.AppendUint32(o, uint32(c.now/1e6))
	o = binary.BigEndian.AppendUint32(o, 0)
	o = append(o, 1, 3, 3, scale)
	b[46] = byte(20+len(o)) / 4 << 4
	c.finish(k, k.una, syn, 54+len(o), 54+len(o), 0)
}

// send sends a segment with data of that sum.
func (c *Client) send(k *conn, seq uint32, flags byte, data []byte, sum uint64) {
	b := c.room
	*(*[66]byte)(b) = c.head
	binary.BigEndian.PutUint32(b[58:], uint32(c.now/1e6))
	binary.BigEndian.PutUint32(b[62:], k.recent)
	k.owes = false
	c.finish(k, seq, flags, 66, 66+copy(b[66:], data), sum)
}

// finish completes a frame of n bytes, head of them its head and the rest of
// that sum, and sends it.
func (c *Client) finish(k *conn, seq uint32, flags byte, head, n int, sum uint64) {
	b := c.room[:n]
	binary.BigEndian.PutUint16(b[16:], uint16(n-14))
	checksum.Put(b[24:], c.ipSum+checksum.Word(uint16(n-14)))
	binary.BigEndian.PutUint16(b[34:], k.port)
	binary.BigEndian.PutUint32(b[38:], seq)
	binary.BigEndian.PutUint32(b[42:], k.rcv)
	b[47] = flags
	b[50], b[51] = 0, 0
	checksum.Put(b[50:], checksum.Sum(b[34:head], checksum.Add(sum, c.pseudo+checksum.Word(uint16(n-34)))))
	c.room = c.link.Send(n)
}

// request sends the next request on a connection.
func (c *Client) request(i int) {
	k := &c.conns[i]
	k.state = waiting
	c.busy++
	k.una = k.nxt
	k.nxt += uint32(len(c.cfg.Ask))
	k.tries = 0
	k.asked, k.sent = c.now, c.now
	c.Stats.Requests++
	c.send(k, k.una, psh|ack, c.cfg.Ask, c.askSum)
	c.fresh = append(c.fresh, int32(i))
}

// Sent tells when the frames since the last call were really sent; the
// requests among them count from then.
func (c *Client) Sent(now int64) {
	for _, i := range c.fresh {
		c.conns[i].sent = now
	}
	c.fresh = c.fresh[:0]
}

// Flush ends a burst: it asks on connections that are ready and acknowledges
// what else was read. It sends room requests at most, so that a client with
// many connections never has to wait for the link to take them: a server that
// waits for the client in its turn would wait forever.
func (c *Client) Flush(room int) {
	for _, i := range c.owing {
		if k := &c.conns[i]; k.owes && (k.state != ready || c.Holding) {
			c.send(k, k.nxt, ack, nil, 0)
		}
	}
	c.owing = c.owing[:0]
	for ; c.queued > 0 && room > 0 && c.busy < c.cfg.InFlight; room-- {
		i := c.queue[c.asking]
		c.queued--
		if c.asking++; c.asking == len(c.queue) {
			c.asking = 0
		}
		k := &c.conns[i]
		k.queued = false
		if k.state == ready && !c.Holding {
			c.request(int(i))
		}
	}
}

// Close resets connections, as many as there is room for, and tells whether
// none is left. No new ones are opened.
func (c *Client) Close(room int) bool {
	c.Holding = true
	for i := range c.conns {
		k := &c.conns[i]
		if k.state == idle {
			continue
		}
		if room == 0 {
			return false
		}
		room--
		c.send(k, k.nxt, rst|ack, nil, 0)
		k.state = idle
	}
	return true
}

// Input takes a frame.
func (c *Client) Input(f []byte) {
	if len(f) < 42 {
		return
	}
	if f[12] == 8 && f[13] == 6 {
		c.takeARP(f)
		return
	}
	if len(f) < 54 || f[12] != 8 || f[13] != 0 || f[14] != 0x45 || f[23] != 6 || binary.LittleEndian.Uint64(f[26:]) != c.path {
		return
	}
	end := 14 + int(binary.BigEndian.Uint16(f[16:]))
	at := 34 + int(f[46]>>4)*4
	if end > len(f) || at > end || at < 54 {
		c.Stats.Bad++
		return
	}
	f = f[:end]
	i := int(binary.BigEndian.Uint16(f[36:])) - c.cfg.FirstPort
	if i < 0 || i >= len(c.conns) {
		return
	}
	if checksum.Fold(checksum.Sum(f[26:], checksum.Word(6)+checksum.Word(uint16(len(f)-34)))) != 0xffff {
		c.Stats.Bad++
		return
	}
	c.segment(i, f, f[at:])
}

func (c *Client) segment(i int, f, body []byte) {
	k := &c.conns[i]
	seq, a, flags := binary.BigEndian.Uint32(f[38:]), binary.BigEndian.Uint32(f[42:]), f[47]
	if k.state == idle {
		return
	}
	if flags&rst != 0 {
		if k.state != opening && seq != k.rcv {
			return
		}
		c.Stats.Reset++
		c.gone(i, Reset)
		return
	}
	if k.state == opening {
		if flags&(syn|ack) != syn|ack || a != k.nxt {
			if flags&ack != 0 { // of an earlier connection: RFC 9293 section 3.10.7.3
				c.send(k, a, rst, nil, 0)
				c.syn(k)
			}
			return
		}
		k.rcv = seq + 1
		if at := bytes.Index(f[54:], []byte{8, 10}); at >= 0 && len(f) >= 54+at+6 {
			k.recent = binary.BigEndian.Uint32(f[54+at+2:])
		}
		k.una = k.nxt
		c.opened++
		c.send(k, k.nxt, ack, nil, 0)
		c.ready(i)
		return
	}
	if int32(a-k.una) > 0 && int32(k.nxt-a) >= 0 {
		k.una = a
		k.tries = 0
	}
	if seq != k.rcv {
		if len(body) > 0 || flags&fin != 0 {
			if int32(seq-k.rcv) > 0 {
				c.Stats.OutOfOrder++
			}
			c.send(k, k.nxt, ack, nil, 0)
		}
		return
	}
	if len(f) >= 66 && f[54] == 1 && f[56] == 8 {
		k.recent = binary.BigEndian.Uint32(f[58:])
	}
	if len(body) > 0 {
		k.rcv += uint32(len(body))
		if !k.owes {
			k.owes = true
			c.owing = append(c.owing, int32(i))
		}
		k.asked = c.now // it moves
		c.data(i, body)
	}
	if flags&fin != 0 && k.state != idle {
		k.rcv++
		c.send(k, k.nxt, rst|ack, nil, 0)
		c.gone(i, Closed)
	}
}

// gone forgets a connection; it will be opened again, from another sequence
// number.
func (c *Client) gone(i int, why Failure) {
	k := &c.conns[i]
	if k.state != opening {
		c.opened--
	}
	if k.state == waiting || k.state == reading {
		c.busy--
		if c.Answered != nil {
			c.answer = Answer{Conn: i, Port: k.port, Offset: k.offset, Sent: k.sent, First: c.now, Last: c.now, Failure: why}
			c.Answered(&c.answer)
		}
	}
	k.state = idle
	k.owes = false
}

// data reads an answer. Its head must come in one segment, as every server's
// here does.
func (c *Client) data(i int, b []byte) {
	k := &c.conns[i]
	if k.state == waiting {
		end, status, length := c.readHead(b)
		k.status = status
		if length < 0 {
			c.Stats.Bad++
			c.send(k, k.nxt, rst|ack, nil, 0)
			c.gone(i, Malformed)
			return
		}
		k.first, k.left, k.length, k.state = c.now, length, length, reading
		b = b[end:]
	}
	if k.state != reading || int64(len(b)) > k.left { // more than was promised
		c.Stats.Bad++
		c.send(k, k.nxt, rst|ack, nil, 0)
		c.gone(i, Malformed)
		return
	}
	if c.Body != nil {
		c.Body(i, k.length-k.left, b)
	}
	k.left -= int64(len(b))
	if k.left > 0 {
		return
	}
	c.Stats.Answers++
	c.Stats.Bytes += uint64(k.length)
	if c.Answered != nil {
		c.answer = Answer{i, k.port, k.offset, k.sent, k.first, c.now, k.status, k.length, None}
		c.Answered(&c.answer)
	}
	k.offset += int64(len(c.cfg.Ask))
	k.una = k.nxt
	c.busy--
	c.ready(i)
}

// ready queues a connection to ask. It may still be in the queue, if it was
// opened anew.
func (c *Client) ready(i int) {
	k := &c.conns[i]
	k.state = ready
	if k.queued {
		return
	}
	k.queued = true
	at := c.asking + c.queued
	if at >= len(c.queue) {
		at -= len(c.queue)
	}
	c.queue[at] = int32(i)
	c.queued++
}

// readHead returns the length of an answer's head, and what it says; a length
// of the body below 0 is that of no good answer. For a second on end servers
// send the same head: what is the same again is not read again.
func (c *Client) readHead(b []byte) (end, status int, length int64) {
	if n := len(c.last.head); n > 0 && len(b) >= n && string(b[:n]) == string(c.last.head) {
		return n, c.last.status, c.last.length
	}
	end = bytes.Index(b, []byte("\r\n\r\n")) + 4
	if end < 20 || string(b[:9]) != "HTTP/1.1 " {
		return 0, 0, -1
	}
	status, _ = strconv.Atoi(string(b[9:12]))
	length = contentLength(b[:end-2])
	c.last.head, c.last.status, c.last.length = append(c.last.head[:0], b[:end]...), status, length
	return end, status, length
}

// contentLength finds the field among the lines of a head.
func contentLength(h []byte) int64 {
	const name = "\ncontent-length:"
	for i := 0; i+len(name) < len(h); {
		j := bytes.IndexByte(h[i:], '\n')
		if j < 0 || i+j+len(name) >= len(h) {
			return -1
		}
		i += j
		if h[i+8]|0x20 == '-' && bytes.EqualFold(h[i:i+len(name)], []byte(name)) {
			n := int64(0)
			for _, x := range bytes.TrimLeft(h[i+len(name):], " ") {
				if x < '0' || x > '9' {
					break
				}
				n = n*10 + int64(x-'0')
			}
			return n
		}
		i++
	}
	return -1
}

func (c *Client) takeARP(f []byte) {
	switch {
	case f[21] == 1 && bytes.Equal(f[38:42], c.head[26:30]):
		c.arp(2, f[22:28], f[22:28], f[28:32])
	case f[21] == 2 && c.peer == nil && bytes.Equal(f[28:32], c.head[30:34]):
		c.peer = append([]byte(nil), f[22:28]...)
		copy(c.head[:], c.peer)
	}
}

func (c *Client) arp(operation byte, to, target, targetIP []byte) {
	b := c.room[:60]
	clear(b)
	copy(b, to)
	copy(b[6:], c.cfg.MAC)
	copy(b[12:], "\x08\x06\x00\x01\x08\x00\x06\x04\x00")
	b[21] = operation
	copy(b[22:], c.cfg.MAC)
	copy(b[28:], c.head[26:30])
	if operation == 2 {
		copy(b[32:], target)
	}
	copy(b[38:], targetIP)
	c.room = c.link.Send(60)
}
