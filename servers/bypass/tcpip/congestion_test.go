// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"math"
	"testing"
	"time"
)

const testMSS = 1000

// inAvoidance is a connection in congestion avoidance with a window of n
// segments.
func inAvoidance(n uint32) *Conn {
	c := &Conn{}
	c.mss, c.cwnd, c.ssthresh = testMSS, n*testMSS, n*testMSS
	c.rto = int64(time.Second)
	return c
}

// TestCubicCurve: RFC 9438 figures 1 and 2. A window of 100 segments is reduced to
// 70; it is 100 again after K = cbrt(30 / 0.4) s, and 130 after 2 K.
func TestCubicCurve(t *testing.T) {
	const rtt = 250 * time.Millisecond
	c := inAvoidance(100)
	cc := cubic{}
	cc.reduce(c, 100*testMSS)
	if c.ssthresh != 70*testMSS {
		t.Fatalf("ssthresh %d after a loss, want 0.7 of the flight", c.ssthresh)
	}
	c.cwnd, c.srtt = c.ssthresh, int64(rtt)
	k := math.Cbrt(30 / .4)
	start := int64(time.Second)
	reached := map[string]float64{}
	for now := start; now < start+int64(2.1*k*1e9); now += int64(rtt) / 10 {
		cc.grow(c, c.cwnd/10, now) // ten ACKs per round trip
		seconds := float64(now-start) / 1e9
		for name, at := range map[string]float64{"K/2": k / 2, "K": k, "2K": 2 * k} {
			if _, ok := reached[name]; !ok && seconds >= at {
				reached[name] = float64(c.cwnd) / testMSS
			}
		}
	}
	for name, want := range map[string]float64{"K/2": 100 - .4*math.Pow(k/2, 3), "K": 100, "2K": 130} {
		if got := reached[name]; math.Abs(got/want-1) > .03 {
			t.Errorf("window at %s: %.1f segments, want %.1f", name, got, want)
		}
	}
}

// TestCubicFastConvergence: RFC 9438 section 4.7. A second loss below the last
// maximum releases bandwidth: wMax is cwnd · (1 + 0.7) / 2.
func TestCubicFastConvergence(t *testing.T) {
	c := inAvoidance(100)
	cubic{}.reduce(c, 100*testMSS)
	c.cwnd = 80 * testMSS
	cubic{}.reduce(c, 80*testMSS)
	if got := c.cubic.wMax; math.Abs(got-68) > 1e-9 {
		t.Errorf("wMax %v, want 68", got)
	}
}

// TestRenoCountsBytes: RFC 3465 and RFC 5681. One ACK for many segments, as
// receivers with GRO send, grows the window by what it acknowledges.
func TestRenoCountsBytes(t *testing.T) {
	c := inAvoidance(10)
	reno{}.grow(c, 10*testMSS, 0)
	if c.cwnd != 11*testMSS {
		t.Errorf("congestion avoidance: %d after a whole window in one ACK, want one segment more", c.cwnd)
	}
	c = inAvoidance(10)
	c.ssthresh = 100 * testMSS
	reno{}.grow(c, 4*testMSS, 0)
	if c.cwnd != 14*testMSS {
		t.Errorf("slow start: %d, want 4 segments more", c.cwnd)
	}
	reno{}.grow(c, 60*testMSS, 0)
	if c.cwnd != (14+slowStartLimit)*testMSS {
		t.Errorf("slow start after one ACK for 60 segments: %d, want %d more at most", c.cwnd, slowStartLimit)
	}
	reno{}.reduce(c, 3*testMSS)
	if c.ssthresh != 2*testMSS {
		t.Errorf("ssthresh %d, want 2 segments at least", c.ssthresh)
	}
}

// TestRTO: RFC 6298 section 2, by hand, with a least variance term of 200 ms.
func TestRTO(t *testing.T) {
	ms := int64(time.Millisecond)
	s := &Stack{cfg: Config{MinRTO: 200 * time.Millisecond}}
	c := &Conn{}
	for _, step := range []struct{ rtt, srtt, rttvar, rto float64 }{
		{100, 100, 50, 300},
		{200, 112.5, 62.5, 362.5},
		{112.5, 112.5, 46.875, 312.5},
		{112.5, 112.5, 35.15625, 312.5},
	} {
		s.updateRTT(c, int64(step.rtt*float64(ms)))
		for what, v := range map[string][2]float64{"SRTT": {float64(c.srtt), step.srtt}, "RTTVAR": {float64(c.rttvar), step.rttvar}, "RTO": {float64(c.rto), step.rto}} {
			if math.Abs(v[0]/float64(ms)-v[1]) > .001 {
				t.Errorf("after %v ms: %s %v ms, want %v", step.rtt, what, v[0]/float64(ms), v[1])
			}
		}
	}
	s.updateRTT(c, 100_000*ms)
	if c.rto != int64(maxRTO) {
		t.Errorf("RTO %v, want %v at most", time.Duration(c.rto), maxRTO)
	}
}
