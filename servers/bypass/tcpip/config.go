// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// A Config holds a Stack's addresses and limits. Zero fields take the defaults
// that are named.
type Config struct {
	IP   netip.Addr       // IPv4 address of the stack
	MAC  net.HardwareAddr // of its port
	Port uint16           // listening TCP port; 80
	MTU  int              // of the link, 576 to 9000; 1500
	TTL  int              // of packets, 1 to 255; 64

	MaxConns       int // open connections; further SYNs are dropped; 65536
	MaxHalfOpen    int // connections in SYN-RECEIVED before SYN cookies are used; 1024
	MaxTimeWait    int // connections in TIME-WAIT; 16384
	MaxRcvBufBytes int // receive buffers of all connections together; 256 MiB

	IdleLimit     time.Duration // close a connection without data for this long; 60 s
	UnreadLimit   time.Duration // abort a connection whose received data the app has not consumed for this long; 60 s
	ProgressLimit time.Duration // abort after this long without an acknowledgement (R2 of RFC 9293 section 3.8.3); 100 s
	KeepAlive     time.Duration // interval of keep-alive probes; 0: none (RFC 9293 section 3.8.4 wants them off by default)
	TimeWait      time.Duration // 2 MSL; 60 s
	MinRTO        time.Duration // least variance term of the retransmission time-out; 200 ms, as in Linux (RFC 6298 section 2.4 has an RTO of 1 s at least)

	CongestionControl string // "cubic" (RFC 9438) or "reno" (RFC 5681); cubic by default

	Secret [16]byte // key of sequence numbers and cookies; must be random outside of tests

	// SharedAddress states that other stacks serve the same address, each some
	// of its connections, as the queues of one port do. A segment without a
	// connection may then belong to another stack, so it is dropped rather than
	// reset: where frames are spread by more than their addresses (a full packet
	// socket passes them on) one may go astray, and is retransmitted.
	SharedAddress bool

	TxChecksumOffload bool // the port fills in IP and TCP checksums: leave it the sum of the pseudo-header
}

func (c *Config) setDefaults() error {
	if !c.IP.Unmap().Is4() {
		return fmt.Errorf("tcpip: %v is not an IPv4 address", c.IP)
	}
	if len(c.MAC) != 6 {
		return fmt.Errorf("tcpip: %v is not an Ethernet address", c.MAC)
	}
	setDefault(&c.Port, 80)
	setDefault(&c.MTU, 1500)
	setDefault(&c.TTL, 64)
	setDefault(&c.MaxConns, 65536)
	setDefault(&c.MaxHalfOpen, 1024)
	setDefault(&c.MaxTimeWait, 16384)
	setDefault(&c.MaxRcvBufBytes, 256<<20)
	setDefault(&c.IdleLimit, 60*time.Second)
	setDefault(&c.UnreadLimit, 60*time.Second)
	setDefault(&c.ProgressLimit, 100*time.Second)
	setDefault(&c.TimeWait, 60*time.Second)
	setDefault(&c.MinRTO, 200*time.Millisecond)
	setDefault(&c.CongestionControl, "cubic")
	if congestionControls[c.CongestionControl] == nil {
		return fmt.Errorf("tcpip: unknown congestion control %q; it is cubic or reno", c.CongestionControl)
	}
	if c.TTL < 1 || c.TTL > 255 {
		return fmt.Errorf("tcpip: TTL %d is outside of 1 to 255", c.TTL)
	}
	if c.MTU < 576 || c.MTU > 9000 {
		return fmt.Errorf("tcpip: MTU %d is outside of 576 to 9000", c.MTU)
	}
	return nil
}

func setDefault[T comparable](v *T, d T) {
	if *v == *new(T) {
		*v = d
	}
}

// Stats counts events since the start.
type Stats struct {
	FramesIn, FramesOut          uint64
	FastPath                     uint64 // segments that took the fast path
	Dropped                      uint64 // frames for others, or malformed
	BadChecksum                  uint64
	Opened, Closed, Reset        uint64 // connections; Reset are also Closed
	Refused                      uint64 // SYNs dropped at MaxConns
	CookiesSent, CookiesAccepted uint64
	Challenges                   uint64 // ACKs of unacceptable segments: RFC 9293 section 3.10.7.4, RFC 5961
	Retransmitted                uint64 // segments
	Timeouts                     uint64 // of the retransmission timer
	Recoveries                   uint64 // fast recoveries
	TailProbes                   uint64 // loss probes of RFC 8985
	Undone                       uint64 // window reductions undone, since the retransmission was needless
	Probes                       uint64 // of zero windows and idle peers
	OutOfOrder                   uint64 // segments in the reassembly queue
	RcvBufFull                   uint64 // segments dropped for want of receive buffer
	AbortedDead                  uint64 // connections whose peer stopped answering
}
