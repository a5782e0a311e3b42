// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

package main

import (
	"crypto/rand"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"crossing/internal/atomicfile"
	"crossing/servers/bypass/httpd"
	"crossing/servers/bypass/port"
	"crossing/servers/bypass/tcpip"
	"crossing/servers/http1"
)

// serve drives the port until stop is set.
func serve(site *http1.Site, o *options, stop *atomic.Bool) error {
	p, err := port.Open(o.port, o.cores)
	if err != nil {
		return err
	}
	defer p.Close()
	mtu := o.mtu
	if mtu == 0 {
		mtu = p.MTU
	}
	if mtu > p.MTU {
		return fmt.Errorf("--mtu %d: the port's is %d", mtu, p.MTU)
	}
	cfg := tcpip.Config{IP: o.addr.Addr(), Port: o.addr.Port(), MAC: p.MAC, MTU: mtu, TxChecksumOffload: p.Offload, SharedAddress: o.cores > 1}
	if _, err := rand.Read(cfg.Secret[:]); err != nil {
		return err
	}
	free, all := p.Buffers()
	fmt.Printf("dpdk: serving %d files on %s at %s, MAC %s; %d of %d buffers free\n", site.Files(), o.addr, o.port, p.MAC, free, all)
	err = p.Run(func(q *port.Queue) error { return loop(q, p, cfg, site, o, stop) })
	free, all = p.Buffers()
	st, _ := p.Stats()
	fmt.Printf("dpdk: %d of %d buffers free; port %+v\n", free, all, st)
	return err
}

// loop is one core's: a burst in, through the stack, and out.
func loop(q *port.Queue, p *port.Port, cfg tcpip.Config, site *http1.Site, o *options, stop *atomic.Bool) error {
	app := httpd.New(site)
	stack, err := tcpip.New(cfg, q, app)
	if err != nil {
		return err
	}
	// Wait in C for up to 50 us for frames, so that idle polls do not cross.
	spin := p.Hz / 20000
	clock := newClock(p.Hz)
	ticks := ticks{scale: clock.scale}
	stack.Announce()
	if o.stages != "" {
		app.Trace = httpd.NewTrace(mostStages, monotonic())
	}
	var frames [port.BurstSize][]byte
	var good [port.BurstSize]bool
	for !stop.Load() {
		n := q.Poll(spin)
		if app.Trace != nil {
			ticks.set(q.Ticks(), app.Trace.Now())
			app.Trace.SetSent(ticks.monotonic(q.Sent()))
			app.Trace.Received = ticks.monotonic(q.Ticks())
		}
		stack.Advance(clock.at(q.Ticks()))
		app.SetTime(clock.unix)
		for i := range n {
			frames[i], good[i] = q.Frame(i)
		}
		stack.Prefetch(frames[:n])
		for i, f := range frames[:n] {
			if good[i] {
				stack.InputChecked(f)
			} else {
				stack.Input(f)
			}
		}
		stack.Flush()
	}
	if app.Trace != nil {
		if err := atomicfile.WriteFrom(o.stages, app.Trace.Write); err != nil {
			return err
		}
	}
	polls, full, dropped := q.Counters()
	fmt.Printf("dpdk: %d requests, %d connections left; %+v; %d polls, %d full, %d dropped\n",
		app.Requests, stack.Conns(), stack.Stats, polls, full, dropped)
	return nil
}

// mostStages bounds the memory that stages take.
const mostStages = 4 << 20

// monotonic returns a clock that reads CLOCK_MONOTONIC, which clients on this
// machine use, too, without a system call: Go's own clock, less what is between
// the two.
func monotonic() func() int64 {
	base := time.Now()
	best, offset := int64(math.MaxInt64), int64(0)
	for range 64 {
		var t unix.Timespec
		before := time.Since(base)
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // cannot fail
		after := time.Since(base)
		if wide := int64(after - before); wide < best {
			best, offset = wide, t.Nano()-int64(before+after)/2
		}
	}
	return func() int64 { return int64(time.Since(base)) + offset }
}

// A clock turns ticks of the time stamp counter into nanoseconds, and tells
// the wall-clock's second without asking the kernel more than a thousand times
// a second.
type clock struct {
	scale     float64 // ns per tick
	start     uint64
	unix      int64
	unixAsked int64 // ns, when
}

func newClock(hz uint64) *clock {
	return &clock{scale: 1e9 / float64(hz), unix: time.Now().Unix()}
}

// at is the time of a tick in ns, from 1 s on.
func (c *clock) at(tick uint64) int64 {
	if c.start == 0 {
		c.start = tick
	}
	ns := int64(float64(tick-c.start)*c.scale) + 1e9
	if ns-c.unixAsked > 1e6 {
		c.unixAsked = ns
		c.unix = time.Now().Unix()
	}
	return ns
}

// ticks turns ticks into CLOCK_MONOTONIC.
type ticks struct {
	scale  float64 // ns per tick
	known  bool
	tick   uint64
	atTick int64 // CLOCK_MONOTONIC at tick
}

// set tells that the clock, read just after a tick, showed now. The thread may
// have lost its CPU in between, so the time since the last tick counts if that
// says less, with what DPDK's idea of the ticks' rate may be wrong by (0.8 %).
func (t *ticks) set(tick uint64, now int64) {
	if t.known {
		passed := int64(float64(tick-t.tick) * t.scale)
		now = min(now, t.atTick+passed+passed>>7)
	}
	t.known, t.tick, t.atTick = true, tick, now
}

// monotonic is the time of a tick.
func (t *ticks) monotonic(tick uint64) int64 {
	return t.atTick + int64(float64(int64(tick-t.tick))*t.scale)
}
