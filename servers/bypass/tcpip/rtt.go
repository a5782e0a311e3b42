// SPDX-License-Identifier: Apache-2.0

package tcpip

import "time"

const (
	initialRTO = time.Second      // RFC 6298 section 2.1
	maxRTO     = 60 * time.Second // section 2.5
)

// updateRTT takes a round-trip time, RFC 6298 section 2. Only segments that were
// sent once are timed (Karn's algorithm, section 3). Until then the RTO keeps the
// value to which time-outs have raised it, or a path that has become slower
// would be timed never again (section 5).
func (s *Stack) updateRTT(c *Conn, rtt int64) {
	if c.srtt == 0 {
		c.srtt, c.rttvar = max(rtt, 1), rtt/2
	} else {
		d := c.srtt - rtt
		if d < 0 {
			d = -d
		}
		c.rttvar += (d - c.rttvar) / 4
		c.srtt += (rtt - c.srtt) / 8
	}
	c.rto = min(c.srtt+max(4*c.rttvar, int64(s.cfg.MinRTO)), int64(maxRTO))
}

// updateRTTByTimestamp takes the round-trip time from an echoed timestamp (RTTM,
// RFC 7323 section 4), which is coarse but also right for what was
// retransmitted.
func (s *Stack) updateRTTByTimestamp(c *Conn, tsEcr uint32) {
	if ms := int32(s.tsVal(c.tsOffset) - tsEcr); ms >= 0 && tsEcr != 0 {
		s.updateRTT(c, int64(max(ms, 1))*int64(time.Millisecond))
	}
}
