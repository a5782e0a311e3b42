// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"crossing/servers/checksum"
)

// A Link sends frames.
type Link interface {
	// Send sends the first n bytes of the room that it gave last, now or at
	// the end of the burst, and returns the room for the next frame. Send(0)
	// sends nothing. The room is as long as the longest frame at least.
	Send(n int) []byte
}

// An App is what runs on the connections. Its methods are called on the
// stack's thread and must not block; c is valid until Closed.
type App interface {
	// Opened tells of a new connection.
	Opened(c *Conn)
	// Data hands over what has arrived, in order, and returns how much of it
	// was taken. The rest is shown again, with more behind it. The app answers
	// by c.Send while c.Room; when there is no room it returns, and is called
	// again when there is some. It must not keep b.
	Data(c *Conn, b []byte) int
	// Closed tells that the connection is gone, for good or ill.
	Closed(c *Conn)
}

// A Config says who a Stack is and how much it may hold. Zero fields take the
// defaults that are named.
type Config struct {
	IP   netip.Addr       // IPv4 address that it answers for
	MAC  net.HardwareAddr // of its port
	Port uint16           // TCP port that it serves; 80
	MTU  int              // of the wire, 576 to 9000; 1500

	MaxConns       int // connections at most; further SYNs are dropped; 65536
	MaxHalfOpen    int // half-open ones before SYN cookies take over; 1024
	MaxTimeWait    int // connections in TIME-WAIT; 16384
	MaxRcvBufBytes int // bytes in receive buffers, all connections together; 256 MiB

	IdleLimit     time.Duration // an idle connection is closed after so long; 60 s
	ProgressLimit time.Duration // an answer that does not move is given up after so long; 100 s (RFC 9293 section 3.8.3, R2)
	KeepAlive     time.Duration // probe an idle peer so often; 0: never (RFC 9293 section 3.8.4 wants it off by default)
	TimeWait      time.Duration // 2 MSL; 60 s
	MinRTO        time.Duration // least retransmission time-out; 200 ms, as Linux has it (RFC 6298 section 2.4 would have 1 s)

	Secret [16]byte // for sequence numbers and cookies; must be random outside of tests

	// SharedAddress tells that other stacks answer for the same address, each for
	// some of its connections, as the queues of one port do. A segment that
	// belongs to no connection here may be of another's, so it is dropped and
	// not reset: where frames are spread by more than their addresses (a full
	// packet socket passes them on) one may go astray, and is sent again.
	SharedAddress bool

	TxChecksumOffload bool // the port fills in IP and TCP checksums: leave it the pseudo-header's sum
}

func (c *Config) defaults() error {
	if !c.IP.Unmap().Is4() {
		return fmt.Errorf("tcpip: %v is no IPv4 address; this stack speaks no other", c.IP)
	}
	if len(c.MAC) != 6 {
		return fmt.Errorf("tcpip: %v is no Ethernet address", c.MAC)
	}
	setDefault(&c.Port, 80)
	setDefault(&c.MTU, 1500)
	setDefault(&c.MaxConns, 65536)
	setDefault(&c.MaxHalfOpen, 1024)
	setDefault(&c.MaxTimeWait, 16384)
	setDefault(&c.MaxRcvBufBytes, 256<<20)
	setDefault(&c.IdleLimit, 60*time.Second)
	setDefault(&c.ProgressLimit, 100*time.Second)
	setDefault(&c.TimeWait, 60*time.Second)
	setDefault(&c.MinRTO, 200*time.Millisecond)
	if c.MTU < 576 || c.MTU > 9000 {
		return fmt.Errorf("tcpip: an MTU of %d is outside of 576 to 9000", c.MTU)
	}
	return nil
}

func setDefault[T comparable](v *T, d T) {
	if *v == *new(T) {
		*v = d
	}
}

// Stats counts what has happened since the start.
type Stats struct {
	FramesIn, FramesOut          uint64
	FastPath                     uint64 // segments that took the short way (input.go)
	Dropped                      uint64 // frames that were not for us or made no sense
	BadChecksum                  uint64
	Opened, Closed, Reset        uint64 // connections; Reset are also Closed
	Refused                      uint64 // SYNs dropped for want of room
	CookiesSent, CookiesAccepted uint64
	Challenges                   uint64 // RFC 5961
	Retransmitted                uint64 // segments
	Timeouts                     uint64 // of the retransmission timer
	Recoveries                   uint64 // fast recoveries
	Probes                       uint64 // of zero windows and idle peers
	OutOfOrder                   uint64 // segments kept for later
	RcvBufFull                   uint64 // segments that could not be kept
	AbortedDead                  uint64 // connections whose peer vanished
}

// A Stack is one address and port, on one thread.
type Stack struct {
	Stats Stats

	cfg   Config
	app   App
	link  Link
	txBuf []byte // for the next frame

	ip   [4]byte
	ipLE uint32 // as a little-endian load sees it
	port uint16 // likewise

	checksumsVerified     bool  // the checksums of the frame at hand are right
	now                   int64 // ns, as Advance was told
	lastTimerScan         int64 // when timers were last looked at
	table                 table
	lastConn              *Conn    // of the last segment
	lastKey               uint64   // its key, which is not among its hot lines
	slabs                 [][]Conn // by id / slab
	deadlines             []int64  // by id: when to look at the connection; 0: never
	freeIDs               []uint32 // ids
	ackList               []*Conn  // that owe an acknowledgement at the end of the burst
	halfOpen              int
	timeWaits             int
	rcvBufBytes           int          // bytes of receive buffers in use
	freeRcvBufs           [][]byte     // free receive buffers
	freeLossStates        []*lossState // free ones
	lastCookie            int64        // when the last cookie was sent; 0: never
	pingTime, resetTime   int64        // when the seconds began in which
	pingsLeft, resetsLeft int          // so many more may be sent
}

// New returns a stack that sends on link and runs app.
func New(cfg Config, link Link, app App) (*Stack, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	s := &Stack{cfg: cfg, app: app, link: link, ip: cfg.IP.Unmap().As4(), now: 1}
	s.ipLE = le32(s.ip[:])
	s.port = cfg.Port>>8 | cfg.Port<<8
	s.table.init(cfg.Secret)
	s.txBuf = link.Send(0)
	return s, nil
}

// Conns is the number of connections, in any state.
func (s *Stack) Conns() int { return s.table.size }

// Input takes a frame off the wire. It does not keep it.
func (s *Stack) Input(f []byte) {
	s.Stats.FramesIn++
	if s.fastPath(f) {
		return
	}
	s.demux(f)
}

// InputChecked is Input for a frame whose checksums the port has found right.
func (s *Stack) InputChecked(f []byte) {
	s.checksumsVerified = true
	s.Input(f)
	s.checksumsVerified = false
}

// Flush ends a burst: what Input owes is sent.
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

// Advance tells the time, in ns on any clock that does not go backwards and is
// past 0, and sees to the connections whose time has come. Call it before each
// burst.
func (s *Stack) Advance(now int64) {
	s.now = now
	if now-s.lastTimerScan >= int64(timerScanInterval) {
		s.lastTimerScan = now
		s.scanTimers()
	}
}

// Next is when Advance should be called at the latest.
func (s *Stack) Next() int64 { return s.lastTimerScan + int64(timerScanInterval) }

// Announce sends a gratuitous ARP (RFC 5227 section 3), so that peers who knew
// the address at another port learn ours.
func (s *Stack) Announce() {
	f := s.txBuf[:60]
	clear(f)
	copy(f[ethDst:], "\xff\xff\xff\xff\xff\xff")
	s.writeARPHeader(f, 1)
	copy(f[arpTargetIP:], s.ip[:])
	s.send(60)
}

// send sends n bytes of s.room.
func (s *Stack) send(n int) {
	s.txBuf = s.link.Send(n)
	s.Stats.FramesOut++
}

// writeIPv4Header writes the Ethernet and IP heads of an answer to frame f into the room:
// back to the MAC that it came from. n is the length of what follows the IP
// head.
func (s *Stack) writeIPv4Header(f []byte, protocol byte, n int) []byte {
	b := s.txBuf[:tcpStart+n]
	copy(b[ethDst:], f[ethSrc:ethSrc+6])
	copy(b[ethSrc:], s.cfg.MAC)
	b[ethType], b[ethType+1] = 8, 0
	ip := b[ipStart:tcpStart]
	ip[0], ip[1] = 0x45, 0
	putBE16(ip[2:], uint16(20+n))
	putBE32(ip[4:], 0x4000) // DF; the ID then says nothing: RFC 6864 section 4.1
	ip[8], ip[9] = 64, protocol
	ip[10], ip[11] = 0, 0
	copy(ip[12:16], s.ip[:])
	copy(ip[16:20], f[ipSrc:ipSrc+4])
	checksum.Put(ip[10:], checksum.Sum(ip, 0))
	return b
}
