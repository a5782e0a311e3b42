// SPDX-License-Identifier: Apache-2.0

package tcpip

import "math"

// cubic is the algorithm of RFC 9438. Windows are in segments.
type cubic struct{}

const (
	cubicC    = 0.4
	cubicBeta = 0.7
	// cubicAlpha makes the Reno-friendly window grow as Reno's does for this beta.
	cubicAlpha = 3 * (1 - cubicBeta) / (1 + cubicBeta)
)

// cubicState is a connection's part of it. Epoch 0: none has begun.
type cubicState struct {
	wMax     float64 // window before the last reduction
	prior    float64 // window at the last reduction
	k        float64 // seconds until the window is wMax again
	wEst     float64 // Reno-friendly window
	epoch    int64   // when congestion avoidance began
	lastGrow int64
}

// grow implements sections 4.2 to 4.5 and, in slow start, RFC 5681.
func (cubic) grow(c *Conn, n uint32, now int64) {
	switch {
	case c.cwnd >= maxCwnd:
		return
	case c.cwnd < c.ssthresh:
		c.slowStart(n)
		return
	}
	q := &c.cubic
	mss := float64(c.mss)
	cwnd, acked := float64(c.cwnd)/mss, float64(n)/mss
	if q.epoch == 0 {
		q.epoch, q.lastGrow = now, now
		q.wEst = cwnd
		q.k = 0
		if cwnd < q.wMax {
			q.k = math.Cbrt((q.wMax - cwnd) / cubicC)
		} else {
			q.wMax = cwnd
		}
	}
	if idle := now - q.lastGrow; idle > c.rto {
		q.epoch += idle // the window was not in use meanwhile: section 5.8
	}
	q.lastGrow = now
	w := func(t float64) float64 { return cubicC*math.Pow(t-q.k, 3) + q.wMax }
	t := float64(now-q.epoch) / 1e9
	alpha := cubicAlpha
	if q.wEst >= q.prior {
		alpha = 1
	}
	q.wEst += alpha * acked / cwnd
	if w(t) < q.wEst { // section 4.3
		cwnd = max(cwnd, q.wEst)
	} else {
		target := min(max(w(t+float64(c.srtt)/1e9), cwnd), 1.5*cwnd)
		cwnd += (target - cwnd) / cwnd * acked
	}
	c.cwnd = uint32(min(cwnd*mss, maxCwnd))
}

// reduce implements sections 4.6 and 4.7 (fast convergence).
func (cubic) reduce(c *Conn, flight uint32) {
	q := &c.cubic
	cwnd := float64(c.cwnd) / float64(c.mss)
	if cwnd < q.wMax {
		q.wMax = cwnd * (1 + cubicBeta) / 2
	} else {
		q.wMax = cwnd
	}
	q.prior = cwnd
	q.epoch = 0
	c.ssthresh = max(uint32(float64(flight)*cubicBeta), 2*c.mss)
}
