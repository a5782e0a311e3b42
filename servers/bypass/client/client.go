// SPDX-License-Identifier: Apache-2.0

// Package client is the other side of package tcpip: a closed loop of HTTP
// requests on many TCP connections, made of frames, without input or output of
// its own. It measures servers without a kernel on the client's
// side, and tests the stack in process.
//
// Its TCP is the minimum that is correct towards a server: it takes segments in
// order only (others cause a duplicate acknowledgement), retransmits a request
// that gets no response in time, and closes by reset.
package client

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"

	"crossing/servers/checksum"
	"crossing/servers/clientrow"
)

// A Link sends frames; it is tcpip's.
type Link interface{ Send(n int) []byte }

// A Config holds the client's addresses and its requests.
type Config struct {
	IP          netip.Addr
	MAC         net.HardwareAddr
	Server      netip.AddrPort
	Connections int
	Request     []byte // the request
	MSS         int    // 1460 if 0
	// InFlight bounds the requests in flight; Connections if 0. The others wait
	// in order, and their time counts from when they are sent.
	InFlight int
	// FirstPort is the port of the first connection, the others follow; 10000 if 0.
	FirstPort int
}

// A Response is the outcome of one request. Times are ns on the clock of Advance.
type Response struct {
	Conn              int
	Port              uint16
	Offset            int64 // of the request in the connection's stream
	Sent, First, Last int64
	Status            int
	Bytes             int64 // of the body
	Failure           clientrow.Failure
}

// Stats counts events since the start.
type Stats struct {
	Requests, Responses    uint64
	Bytes                  uint64
	Retransmitted          uint64 // requests or SYNs
	OutOfOrder, Bad, Reset uint64
}

type state uint8

const (
	idle state = iota
	opening
	waiting // for the header section of the response
	reading // its body
	ready   // between requests
)

type conn struct {
	state          state
	ackPending     bool
	inReadyQueue   bool
	port           uint16
	retries        uint8
	sndUna, sndNxt uint32 // of the request in flight
	rcvNxt         uint32
	tsRecent       uint32
	offset         int64
	bodyLeft       int64 // of the body
	bodyLen        int64
	status         int
	lastProgress   int64 // when the request was queued or sent again
	sent, first    int64
}

// A Client belongs to one thread.
type Client struct {
	Stats Stats
	// OnResponse is called for each request that has its response or, since its
	// connection is gone, will have none.
	OnResponse func(*Response)
	// OnBody, if set, is called with each part of a body and its offset.
	OnBody func(conn int, at int64, b []byte)
	// Paused keeps connections from sending further requests.
	Paused bool

	cfg        Config
	link       Link
	txBuf      []byte
	now        int64
	serverMAC  []byte // the server's MAC, once known
	lastARP    int64
	header     [66]byte
	ipSum      uint64 // of the constant fields of the IP header
	pseudo     uint64
	requestSum uint64 // of the request
	conns      []conn
	unstamped  []int32 // with requests since the last FramesSent
	ackList    []int32
	readyQueue []int32 // ring of connections that are ready to send, in order
	readyHead  int     // index of the first
	readyLen   int     // number of them
	lastScan   int64   // when connections were last scanned
	scanNext   int     // index of the next to scan
	response   Response
	lastHeader struct {
		head   []byte
		status int
		length int64
	}
	addrPair uint64 // addresses of frames for us, as one load reads them
	opened   int
	inFlight int // requests
}

const (
	fin, syn, rst, psh, ack = 1, 2, 4, 8, 16

	window          = 1 << 18
	scale           = 4
	retransmitAfter = 200e6 // ns
	scanParts       = 16    // calls of Advance that scan all connections
)

// New returns a client that will send on link.
func New(cfg Config, link Link) *Client {
	if cfg.MSS == 0 {
		cfg.MSS = 1460
	}
	if cfg.InFlight == 0 {
		cfg.InFlight = cfg.Connections
	}
	if cfg.FirstPort == 0 {
		cfg.FirstPort = 10000
	}
	c := &Client{cfg: cfg, link: link, conns: make([]conn, cfg.Connections), readyQueue: make([]int32, cfg.Connections)}
	c.txBuf = link.Send(0)
	for i := range c.conns {
		c.conns[i].port = uint16(cfg.FirstPort + i)
	}
	h := c.header[:]
	copy(h[6:], cfg.MAC)
	h[12], h[14], h[20], h[22], h[23] = 8, 0x45, 0x40, 64, 6
	src, dst := cfg.IP.As4(), cfg.Server.Addr().As4()
	copy(h[26:], src[:])
	copy(h[30:], dst[:])
	binary.BigEndian.PutUint16(h[36:], cfg.Server.Port())
	h[46] = 0x80
	binary.BigEndian.PutUint16(h[48:], window>>scale)
	copy(h[54:], "\x01\x01\x08\x0a")
	c.addrPair = uint64(binary.LittleEndian.Uint32(src[:]))<<32 | uint64(binary.LittleEndian.Uint32(dst[:]))
	c.ipSum = checksum.Sum(h[14:34], 0)
	c.pseudo = checksum.Sum(h[26:34], checksum.Word(6))
	c.requestSum = checksum.Sum(cfg.Request, 0)
	return c
}

// Open returns the number of open connections.
func (c *Client) Open() int { return c.opened }

// Advance sets the time in ns, resolves the server's address, opens connections
// and retransmits what was lost. Call it before each burst.
func (c *Client) Advance(now int64) {
	c.now = now
	if now-c.lastScan < 1e6 {
		return
	}
	c.lastScan = now
	if c.serverMAC == nil {
		if now-c.lastARP > 1e8 {
			c.lastARP = now
			c.sendARP(1, []byte{255, 255, 255, 255, 255, 255}, make([]byte, 6), c.header[30:34])
		}
		return
	}
	started := 0 // a few at a time: a burst of SYNs would overrun the queue
	for range (len(c.conns) + scanParts - 1) / scanParts {
		if c.scanNext++; c.scanNext >= len(c.conns) {
			c.scanNext = 0
		}
		k := &c.conns[c.scanNext]
		switch {
		case k.state == idle && started < 64 && !c.Paused:
			started++
			c.open(k)
		case k.state != idle && k.state != ready && now-k.lastProgress > retransmitAfter<<min(k.retries, 6):
			if k.retries < 255 {
				k.retries++
			}
			c.Stats.Retransmitted++
			if k.state == opening {
				c.sendSYN(k)
			} else if k.sndUna != k.sndNxt {
				again := c.cfg.Request[len(c.cfg.Request)-int(k.sndNxt-k.sndUna):]
				c.send(k, k.sndUna, psh|ack, again, checksum.Sum(again, 0))
			} else {
				c.send(k, k.sndNxt, ack, nil, 0)
			}
			k.lastProgress = now
		}
	}
}

// open starts a connection.
func (c *Client) open(k *conn) {
	k.state = opening
	k.retries = 0
	k.sndUna = uint32(c.now) ^ uint32(k.port)*2654435761
	k.sndNxt = k.sndUna + 1
	k.rcvNxt, k.tsRecent, k.offset = 0, 0, 0
	k.lastProgress = c.now
	c.sendSYN(k)
}

func (c *Client) sendSYN(k *conn) {
	b := c.txBuf
	copy(b, c.header[:54])
	o := append(b[54:54], 2, 4, byte(c.cfg.MSS>>8), byte(c.cfg.MSS), 1, 1, 8, 10)
	o = binary.BigEndian.AppendUint32(o, uint32(c.now/1e6))
	o = binary.BigEndian.AppendUint32(o, 0)
	o = append(o, 1, 3, 3, scale)
	b[46] = byte(20+len(o)) / 4 << 4
	c.sendSegment(k, k.sndUna, syn, 54+len(o), 54+len(o), 0)
}

// send sends a segment with data whose checksum.Sum is sum.
func (c *Client) send(k *conn, seq uint32, flags byte, data []byte, sum uint64) {
	b := c.txBuf
	*(*[66]byte)(b) = c.header
	binary.BigEndian.PutUint32(b[58:], uint32(c.now/1e6))
	binary.BigEndian.PutUint32(b[62:], k.tsRecent)
	k.ackPending = false
	c.sendSegment(k, seq, flags, 66, 66+copy(b[66:], data), sum)
}

// sendSegment completes a frame of n bytes, whose headers take the first head and
// whose data have that sum, and sends it.
func (c *Client) sendSegment(k *conn, seq uint32, flags byte, head, n int, sum uint64) {
	b := c.txBuf[:n]
	binary.BigEndian.PutUint16(b[16:], uint16(n-14))
	checksum.Put(b[24:], c.ipSum+checksum.Word(uint16(n-14)))
	binary.BigEndian.PutUint16(b[34:], k.port)
	binary.BigEndian.PutUint32(b[38:], seq)
	binary.BigEndian.PutUint32(b[42:], k.rcvNxt)
	b[47] = flags
	b[50], b[51] = 0, 0
	checksum.Put(b[50:], checksum.Sum(b[34:head], checksum.Add(sum, c.pseudo+checksum.Word(uint16(n-34)))))
	c.txBuf = c.link.Send(n)
}

// sendRequest sends the next request on a connection.
func (c *Client) sendRequest(i int) {
	k := &c.conns[i]
	k.state = waiting
	c.inFlight++
	k.sndUna = k.sndNxt
	k.sndNxt += uint32(len(c.cfg.Request))
	k.retries = 0
	k.lastProgress, k.sent = c.now, c.now
	c.Stats.Requests++
	c.send(k, k.sndUna, psh|ack, c.cfg.Request, c.requestSum)
	c.unstamped = append(c.unstamped, int32(i))
}

// FramesSent sets when the frames since the last call were sent in fact; the time
// of the requests among them counts from then.
func (c *Client) FramesSent(now int64) {
	for _, i := range c.unstamped {
		c.conns[i].sent = now
	}
	c.unstamped = c.unstamped[:0]
}

// Flush ends a burst: it sends requests on connections that are ready, and the
// pending acknowledgements of others. It sends limit requests at most, so that a
// client with many connections never waits for the link to take them: a server
// that waits for the client meanwhile would wait for ever.
func (c *Client) Flush(limit int) {
	for _, i := range c.ackList {
		if k := &c.conns[i]; k.ackPending && (k.state != ready || c.Paused) {
			c.send(k, k.sndNxt, ack, nil, 0)
		}
	}
	c.ackList = c.ackList[:0]
	for ; c.readyLen > 0 && limit > 0 && c.inFlight < c.cfg.InFlight; limit-- {
		i := c.readyQueue[c.readyHead]
		c.readyLen--
		if c.readyHead++; c.readyHead == len(c.readyQueue) {
			c.readyHead = 0
		}
		k := &c.conns[i]
		k.inReadyQueue = false
		if k.state == ready && !c.Paused {
			c.sendRequest(int(i))
		}
	}
}

// Close resets limit connections at most, and reports whether none is left. No new
// ones are opened.
func (c *Client) Close(limit int) bool {
	c.Paused = true
	for i := range c.conns {
		k := &c.conns[i]
		if k.state == idle {
			continue
		}
		if limit == 0 {
			return false
		}
		limit--
		c.send(k, k.sndNxt, rst|ack, nil, 0)
		k.state = idle
	}
	return true
}

// Input processes a received frame. It does not retain it.
func (c *Client) Input(f []byte) {
	if len(f) < 42 {
		return
	}
	if f[12] == 8 && f[13] == 6 {
		c.handleARP(f)
		return
	}
	if len(f) < 54 || f[12] != 8 || f[13] != 0 || f[14] != 0x45 || f[23] != 6 || binary.LittleEndian.Uint64(f[26:]) != c.addrPair {
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
	c.handleSegment(i, f, f[at:])
}

func (c *Client) handleSegment(i int, f, body []byte) {
	k := &c.conns[i]
	seq, a, flags := binary.BigEndian.Uint32(f[38:]), binary.BigEndian.Uint32(f[42:]), f[47]
	if k.state == idle {
		return
	}
	if flags&rst != 0 {
		if k.state != opening && seq != k.rcvNxt {
			return
		}
		c.Stats.Reset++
		c.connLost(i, clientrow.Reset)
		return
	}
	if k.state == opening {
		if flags&(syn|ack) != syn|ack || a != k.sndNxt {
			if flags&ack != 0 { // of an earlier connection: RFC 9293 section 3.10.7.3
				c.send(k, a, rst, nil, 0)
				c.sendSYN(k)
			}
			return
		}
		k.rcvNxt = seq + 1
		if at := bytes.Index(f[54:], []byte{8, 10}); at >= 0 && len(f) >= 54+at+6 {
			k.tsRecent = binary.BigEndian.Uint32(f[54+at+2:])
		}
		k.sndUna = k.sndNxt
		c.opened++
		c.send(k, k.sndNxt, ack, nil, 0)
		c.enqueueReady(i)
		return
	}
	if int32(a-k.sndUna) > 0 && int32(k.sndNxt-a) >= 0 {
		k.sndUna = a
		k.retries = 0
	}
	if seq != k.rcvNxt {
		if len(body) > 0 || flags&fin != 0 {
			if int32(seq-k.rcvNxt) > 0 {
				c.Stats.OutOfOrder++
			}
			c.send(k, k.sndNxt, ack, nil, 0)
		}
		return
	}
	if len(f) >= 66 && f[54] == 1 && f[56] == 8 {
		k.tsRecent = binary.BigEndian.Uint32(f[58:])
	}
	if len(body) > 0 {
		k.rcvNxt += uint32(len(body))
		if !k.ackPending {
			k.ackPending = true
			c.ackList = append(c.ackList, int32(i))
		}
		k.lastProgress = c.now
		c.responseData(i, body)
	}
	if flags&fin != 0 && k.state != idle {
		k.rcvNxt++
		c.send(k, k.sndNxt, rst|ack, nil, 0)
		c.connLost(i, clientrow.Closed)
	}
}

// connLost deletes a connection, which will be opened again with another sequence
// number.
func (c *Client) connLost(i int, why clientrow.Failure) {
	k := &c.conns[i]
	if k.state != opening {
		c.opened--
	}
	if k.state == waiting || k.state == reading {
		c.inFlight--
		if c.OnResponse != nil {
			c.response = Response{Conn: i, Port: k.port, Offset: k.offset, Sent: k.sent, First: c.now, Last: c.now, Failure: why}
			c.OnResponse(&c.response)
		}
	}
	k.state = idle
	k.ackPending = false
}

// responseData reads a response. Its header section must come in one segment, as
// that of every server here does.
func (c *Client) responseData(i int, b []byte) {
	k := &c.conns[i]
	if k.state == waiting {
		end, status, length := c.parseHeader(b)
		k.status = status
		if length < 0 {
			c.Stats.Bad++
			c.send(k, k.sndNxt, rst|ack, nil, 0)
			c.connLost(i, clientrow.Malformed)
			return
		}
		k.first, k.bodyLeft, k.bodyLen, k.state = c.now, length, length, reading
		b = b[end:]
	}
	if k.state != reading || int64(len(b)) > k.bodyLeft { // longer than its Content-Length
		c.Stats.Bad++
		c.send(k, k.sndNxt, rst|ack, nil, 0)
		c.connLost(i, clientrow.Malformed)
		return
	}
	if c.OnBody != nil {
		c.OnBody(i, k.bodyLen-k.bodyLeft, b)
	}
	k.bodyLeft -= int64(len(b))
	if k.bodyLeft > 0 {
		return
	}
	c.Stats.Responses++
	c.Stats.Bytes += uint64(k.bodyLen)
	if c.OnResponse != nil {
		c.response = Response{i, k.port, k.offset, k.sent, k.first, c.now, k.status, k.bodyLen, clientrow.None}
		c.OnResponse(&c.response)
	}
	k.offset += int64(len(c.cfg.Request))
	k.sndUna = k.sndNxt
	c.inFlight--
	c.enqueueReady(i)
}

// enqueueReady queues a connection for a request. It may be in the queue still, if
// it was opened again.
func (c *Client) enqueueReady(i int) {
	k := &c.conns[i]
	k.state = ready
	if k.inReadyQueue {
		return
	}
	k.inReadyQueue = true
	at := c.readyHead + c.readyLen
	if at >= len(c.readyQueue) {
		at -= len(c.readyQueue)
	}
	c.readyQueue[at] = int32(i)
	c.readyLen++
}

// parseHeader returns the length of a response's header section, its status and
// the length of its body, which is below 0 if the response is malformed. A server
// sends the same header section for up to a second, so the last one is kept.
func (c *Client) parseHeader(b []byte) (end, status int, length int64) {
	if n := len(c.lastHeader.head); n > 0 && len(b) >= n && string(b[:n]) == string(c.lastHeader.head) {
		return n, c.lastHeader.status, c.lastHeader.length
	}
	end = bytes.Index(b, []byte("\r\n\r\n")) + 4
	if end < 20 || string(b[:9]) != "HTTP/1.1 " {
		return 0, 0, -1
	}
	status, _ = strconv.Atoi(string(b[9:12]))
	length = contentLength(b[:end-2])
	c.lastHeader.head, c.lastHeader.status, c.lastHeader.length = append(c.lastHeader.head[:0], b[:end]...), status, length
	return end, status, length
}

// contentLength returns the Content-Length of a header section, or -1.
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

func (c *Client) handleARP(f []byte) {
	switch {
	case f[21] == 1 && bytes.Equal(f[38:42], c.header[26:30]):
		c.sendARP(2, f[22:28], f[22:28], f[28:32])
	case f[21] == 2 && c.serverMAC == nil && bytes.Equal(f[28:32], c.header[30:34]):
		c.serverMAC = append([]byte(nil), f[22:28]...)
		copy(c.header[:], c.serverMAC)
	}
}

func (c *Client) sendARP(operation byte, to, target, targetIP []byte) {
	b := c.txBuf[:60]
	clear(b)
	copy(b, to)
	copy(b[6:], c.cfg.MAC)
	copy(b[12:], "\x08\x06\x00\x01\x08\x00\x06\x04\x00")
	b[21] = operation
	copy(b[22:], c.cfg.MAC)
	copy(b[28:], c.header[26:30])
	if operation == 2 {
		copy(b[32:], target)
	}
	copy(b[38:], targetIP)
	c.txBuf = c.link.Send(60)
}
