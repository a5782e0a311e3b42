// SPDX-License-Identifier: Apache-2.0

package tcpip

// A proportionalReduction is the state of proportional rate reduction, RFC 9937:
// over the round trip of a fast recovery it spreads the reduction of the window
// from what was in flight to ssthresh, so that each ACK sends something.
type proportionalReduction struct {
	delivered uint32 // prr_delivered: bytes received by the peer since recovery began
	out       uint32 // prr_out: bytes sent since then
	recoverFS uint32 // RecoverFS: bytes in flight then
	lostBelow uint32 // after the last ACK
}

func (p *proportionalReduction) start(flight uint32) {
	*p = proportionalReduction{recoverFS: max(flight, 1)}
}

// reduceProportionally sets cwnd after an ACK that reports that many more bytes
// received.
func (l *lossState) reduceProportionally(c *Conn, delivered uint32, advanced bool) {
	p := &l.prr
	lostBelow := l.lostBelow(c)
	safe := advanced && !before(p.lostBelow, lostBelow) // SafeACK: no further loss
	p.lostBelow = lostBelow
	p.delivered += delivered
	pipe := l.pipe(c, lostBelow)
	sent := func(allowed uint32) uint32 { return allowed - min(allowed, p.out) }
	var n uint32
	if pipe > c.ssthresh {
		n = sent(uint32((uint64(p.delivered)*uint64(c.ssthresh) + uint64(p.recoverFS) - 1) / uint64(p.recoverFS)))
	} else {
		n = max(sent(p.delivered), delivered)
		if safe {
			n += c.mss
		}
		n = min(n, c.ssthresh-pipe)
	}
	if p.out == 0 {
		n = max(n, c.mss) // the fast retransmit
	}
	c.cwnd = max(pipe+n, c.mss)
}
