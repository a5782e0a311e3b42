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

	MaxConns    int // connections at most; further SYNs are dropped; 65536
	MaxHalfOpen int // half-open ones before SYN cookies take over; 1024
	MaxTimeWait int // connections in TIME-WAIT; 16384
	MaxHeld     int // bytes in receive buffers, all connections together; 256 MiB

	IdleLimit     time.Duration // an idle connection is closed after so long; 60 s
	ProgressLimit time.Duration // an answer that does not move is given up after so long; 100 s (RFC 9293 section 3.8.3, R2)
	KeepAlive     time.Duration // probe an idle peer so often; 0: never (RFC 9293 section 3.8.4 wants it off by default)
	TimeWait      time.Duration // 2 MSL; 60 s
	MinRTO        time.Duration // least retransmission time-out; 200 ms, as Linux has it (RFC 6298 section 2.4 would have 1 s)

	Secret [16]byte // for sequence numbers and cookies; must be random outside of tests

	// Siblings tells that other stacks answer for the same address, each for
	// some of its connections, as the queues of one port do. A segment that
	// belongs to no connection here may be of another's, so it is dropped and
	// not reset: where frames are spread by more than their addresses (a full
	// packet socket passes them on) one may go astray, and is sent again.
	Siblings bool

	ChecksumsOut bool // the port fills in IP and TCP checksums: leave it the pseudo-header's sum
}

func (c *Config) defaults() error {
	if !c.IP.Unmap().Is4() {
		return fmt.Errorf("tcpip: %v is no IPv4 address; this stack speaks no other", c.IP)
	}
	if len(c.MAC) != 6 {
		return fmt.Errorf("tcpip: %v is no Ethernet address", c.MAC)
	}
	def(&c.Port, 80)
	def(&c.MTU, 1500)
	def(&c.MaxConns, 65536)
	def(&c.MaxHalfOpen, 1024)
	def(&c.MaxTimeWait, 16384)
	def(&c.MaxHeld, 256<<20)
	def(&c.IdleLimit, 60*time.Second)
	def(&c.ProgressLimit, 100*time.Second)
	def(&c.TimeWait, 60*time.Second)
	def(&c.MinRTO, 200*time.Millisecond)
	if c.MTU < 576 || c.MTU > 9000 {
		return fmt.Errorf("tcpip: an MTU of %d is outside of 576 to 9000", c.MTU)
	}
	return nil
}

func def[T comparable](v *T, d T) {
	if *v == *new(T) {
		*v = d
	}
}

// Stats counts what has happened since the start.
type Stats struct {
	FramesIn, FramesOut       uint64
	Predicted                 uint64 // segments that took the short way (input.go)
	Dropped                   uint64 // frames that were not for us or made no sense
	BadChecksum               uint64
	Opened, Closed, Reset     uint64 // connections; Reset are also Closed
	Refused                   uint64 // SYNs dropped for want of room
	CookiesSent, CookiesTaken uint64
	Challenges                uint64 // RFC 5961
	Retransmitted             uint64 // segments
	Timeouts                  uint64 // of the retransmission timer
	Recoveries                uint64 // fast recoveries
	Probes                    uint64 // of zero windows and idle peers
	OutOfOrder                uint64 // segments kept for later
	NoRoom                    uint64 // segments that could not be kept
	GaveUp                    uint64 // connections whose peer vanished
}

// A Stack is one address and port, on one thread.
type Stack struct {
	Stats Stats

	cfg  Config
	app  App
	link Link
	room []byte // for the next frame

	ip   [4]byte
	ipLE uint32 // as a little-endian load sees it
	port uint16 // likewise

	checked               bool  // the checksums of the frame at hand are right
	now                   int64 // ns, as Advance was told
	scanned               int64 // when timers were last looked at
	table                 table
	last                  *Conn    // of the last segment
	lastKey               uint64   // its key, which is not among its hot lines
	slabs                 [][]Conn // by id / slab
	due                   []int64  // by id: when to look at the connection; 0: never
	free                  []uint32 // ids
	owing                 []*Conn  // that owe an acknowledgement at the end of the burst
	halfOpen              int
	timeWait              int
	held                  int      // bytes of receive buffers in use
	buffers               [][]byte // free receive buffers
	losses                []*loss  // free ones
	cookies               int64    // when the last cookie was sent; 0: never
	pingTime, resetTime   int64    // when the seconds began in which
	pingsLeft, resetsLeft int      // so many more may be sent
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
	s.room = link.Send(0)
	return s, nil
}

// Conns is the number of connections, in any state.
func (s *Stack) Conns() int { return s.table.used }

// Input takes a frame off the wire. It does not keep it.
func (s *Stack) Input(f []byte) {
	s.Stats.FramesIn++
	if s.predicted(f) {
		return
	}
	s.demux(f)
}

// InputChecked is Input for a frame whose checksums the port has found right.
func (s *Stack) InputChecked(f []byte) {
	s.checked = true
	s.Input(f)
	s.checked = false
}

// Flush ends a burst: what Input owes is sent.
func (s *Stack) Flush() {
	for i, c := range s.owing {
		c.listed = false
		if c.owes {
			s.sendAck(c)
		}
		s.owing[i] = nil
	}
	s.owing = s.owing[:0]
}

// Advance tells the time, in ns on any clock that does not go backwards and is
// past 0, and sees to the connections whose time has come. Call it before each
// burst.
func (s *Stack) Advance(now int64) {
	s.now = now
	if now-s.scanned >= int64(scanEvery) {
		s.scanned = now
		s.timers()
	}
}

// Next is when Advance should be called at the latest.
func (s *Stack) Next() int64 { return s.scanned + int64(scanEvery) }

// Announce sends a gratuitous ARP (RFC 5227 section 3), so that peers who knew
// the address at another port learn ours.
func (s *Stack) Announce() {
	f := s.room[:60]
	clear(f)
	copy(f[ethDst:], "\xff\xff\xff\xff\xff\xff")
	s.arpHead(f, 1)
	copy(f[arpTargetIP:], s.ip[:])
	s.send(60)
}

// send sends n bytes of s.room.
func (s *Stack) send(n int) {
	s.room = s.link.Send(n)
	s.Stats.FramesOut++
}

// ipv4 writes the Ethernet and IP heads of an answer to frame f into the room:
// back to the MAC that it came from. n is the length of what follows the IP
// head.
func (s *Stack) ipv4(f []byte, protocol byte, n int) []byte {
	b := s.room[:tcpAt+n]
	copy(b[ethDst:], f[ethSrc:ethSrc+6])
	copy(b[ethSrc:], s.cfg.MAC)
	b[ethType], b[ethType+1] = 8, 0
	ip := b[ipAt:tcpAt]
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
