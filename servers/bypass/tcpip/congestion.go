// SPDX-License-Identifier: Apache-2.0

package tcpip

// initialWindow is RFC 6928's, in segments.
const initialWindow = 10

const maxCwnd = 1 << 30

// slowStartLimit is L of RFC 9406 section 4.2 for senders without pacing: the
// segments by which the window grows per ACK at most in slow start.
const slowStartLimit = 8

// A congestionControl decides how a congestion window grows and shrinks. What
// loss recovery does in between is the same for all.
type congestionControl interface {
	// grow grows cwnd after n bytes were acknowledged and the window was in use.
	grow(c *Conn, n uint32, now int64)
	// reduce sets ssthresh after a loss with that much in flight.
	reduce(c *Conn, flight uint32)
}

// congestionControls are the values of Config.CongestionControl.
var congestionControls = map[string]congestionControl{"reno": reno{}, "cubic": cubic{}}

// reno is the algorithm of RFC 5681, with appropriate byte counting (RFC 3465):
// receivers acknowledge many segments at once.
type reno struct{}

func (reno) grow(c *Conn, n uint32, _ int64) {
	switch {
	case c.cwnd >= maxCwnd:
	case c.cwnd < c.ssthresh:
		c.slowStart(n)
	default:
		c.cwnd += max(1, uint32(uint64(c.mss)*uint64(min(n, c.cwnd))/uint64(c.cwnd)))
	}
}

func (reno) reduce(c *Conn, flight uint32) {
	c.ssthresh = max(flight/2, 2*c.mss) // equation (4)
}

// slowStart grows cwnd by what was acknowledged, as far as ssthresh.
func (c *Conn) slowStart(n uint32) { c.cwnd = min(c.cwnd+min(n, slowStartLimit*c.mss), c.ssthresh) }
