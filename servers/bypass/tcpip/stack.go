// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"encoding/binary"
	"fmt"
	"time"

	"crossing/servers/checksum"
)

// A Link sends frames.
type Link interface {
	// Send sends the first n bytes of the buffer that it returned last, now or
	// at the end of the burst, and returns the buffer for the next frame.
	// Send(0) sends nothing. A buffer holds the longest frame at least.
	Send(n int) []byte
}

// An App runs on the connections. Its methods are called on the stack's thread
// and must not block; c is valid until Closed.
type App interface {
	// Opened reports a new connection.
	Opened(c *Conn)
	// Data passes received data, in order, and returns how many bytes were
	// consumed. The others are passed again with what follows them. The app
	// responds by c.Send while c.CanSend; when it cannot it returns, and is
	// called again as soon as it can. It must not retain b.
	Data(c *Conn, b []byte) int
	// Closed reports the end of a connection, regular or not.
	Closed(c *Conn)
}

// A Stack serves one address and port, on one thread.
type Stack struct {
	Stats Stats

	cfg   Config
	app   App
	link  Link
	cc    congestionControl
	txBuf []byte // for the next frame

	ip   [4]byte
	ipLE uint32 // as a little-endian load reads it
	port uint16 // likewise

	secret0, secret1 uint64 // Config.Secret as SipHash takes it

	checksumsVerified bool  // of the current frame, by the port
	now               int64 // ns, of the last Advance
	lastTimerScan     int64
	table             table
	lastConn          *Conn      // of the last segment
	lastKey           uint64     // its key, which is not among its hot lines
	slabs             [][]Conn   // by id / slabSize
	deadlines         []int64    // by id: of the connection's timer; 0: not running
	freeIDs           []uint32   //
	ackList           []*Conn    // connections that may owe an ACK at the end of the burst
	halfOpen          int        // connections in SYN-RECEIVED
	timeWaits         int        // connections in TIME-WAIT
	rcvBufs           rcvBufPool // receive buffers
	freeLossStates    []*lossState
	freeSendTimes     []*sendTimes
	lastCookie        int64 // when the last SYN cookie was sent; 0: never
	echoLimit         rateLimit
	resetLimit        rateLimit
	unoptioned        []byte // copy of a packet without its IP options
}

// New returns a stack that sends on link and runs app.
func New(cfg Config, link Link, app App) (*Stack, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	s := &Stack{cfg: cfg, app: app, link: link, cc: congestionControls[cfg.CongestionControl], ip: cfg.IP.Unmap().As4(), now: 1}
	s.ipLE = le32(s.ip[:])
	s.port = cfg.Port>>8 | cfg.Port<<8
	s.secret0, s.secret1 = binary.LittleEndian.Uint64(cfg.Secret[:8]), binary.LittleEndian.Uint64(cfg.Secret[8:])
	s.table.init(cfg.Secret)
	s.rcvBufs.limit = cfg.MaxRcvBufBytes
	s.txBuf = link.Send(0)
	if n := ethHeaderLen + cfg.MTU; n > len(s.txBuf) {
		return nil, fmt.Errorf("tcpip: frames of an MTU of %d bytes do not fit into the link's buffers of %d", cfg.MTU, len(s.txBuf))
	}
	return s, nil
}

// Conns returns the number of connections, in any state.
func (s *Stack) Conns() int { return s.table.size }

// Input processes a received frame. It does not retain it.
func (s *Stack) Input(f []byte) {
	s.Stats.FramesIn++
	if s.fastPath(f) {
		return
	}
	s.demux(f)
}

// InputChecked is Input for a frame whose checksums the port has verified.
func (s *Stack) InputChecked(f []byte) {
	s.checksumsVerified = true
	s.Input(f)
	s.checksumsVerified = false
}

// Flush ends a burst: it sends the ACKs that are still pending.
func (s *Stack) Flush() {
	for i, c := range s.ackList {
		c.inAckList = false
		if c.ackPending {
			s.sendAck(c)
		}
		s.ackList[i] = nil
	}
	s.ackList = s.ackList[:0]
}

// Advance sets the time, in ns on any monotonic clock that is past 0, and runs
// the timers that have expired. Call it before each burst.
func (s *Stack) Advance(now int64) {
	s.now = now
	if now-s.lastTimerScan >= int64(timerScanInterval) {
		s.lastTimerScan = now
		s.scanTimers()
	}
}

// send sends n bytes of s.txBuf.
func (s *Stack) send(n int) {
	s.txBuf = s.link.Send(n)
	s.Stats.FramesOut++
}

// writeIPv4Header writes the Ethernet and IP headers of a reply to frame f: to
// the MAC that sent it. n is the length of what follows the IP header.
func (s *Stack) writeIPv4Header(f []byte, protocol byte, n int) []byte {
	b := s.txBuf[:tcpStart+n]
	copy(b[ethDst:], f[ethSrc:ethSrc+6])
	copy(b[ethSrc:], s.cfg.MAC)
	b[ethType], b[ethType+1] = 8, 0
	ip := b[ipStart:tcpStart]
	ip[0], ip[1] = 0x45, 0
	putBE16(ip[2:], uint16(20+n))
	putBE32(ip[4:], 0x4000) // DF, so the ID has no meaning: RFC 6864 section 4.1
	ip[8], ip[9] = byte(s.cfg.TTL), protocol
	ip[10], ip[11] = 0, 0
	copy(ip[12:16], s.ip[:])
	copy(ip[16:20], f[ipSrc:ipSrc+4])
	checksum.Put(ip[10:], checksum.Sum(ip, 0))
	return b
}

// A rateLimit bounds how often something is sent per second.
type rateLimit struct {
	second int64 // its start
	left   int
}

func (r *rateLimit) allow(now int64, perSecond int) bool {
	if r.second == 0 || now-r.second > int64(time.Second) {
		r.second, r.left = now, perSecond
	}
	if r.left == 0 {
		return false
	}
	r.left--
	return true
}
