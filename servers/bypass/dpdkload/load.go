// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"crossing/servers/bypass/client"
	"crossing/servers/bypass/port"
	"crossing/servers/clientrow"
)

// load runs the cells one after the other and reports each.
func load(o *options, cells []cell, stop *atomic.Bool, report func(*Result) error) error {
	p, err := port.Open(o.port, 1)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Run(func(q *port.Queue) error {
		for i, k := range cells {
			if stop.Load() {
				return nil
			}
			r := &Result{Conns: k.conns, Path: k.path, Wire: o.wire()}
			run := ask
			if o.echo {
				run = echo
			}
			// Each run has ports of its own: the server may still hold the
			// last one's in TIME-WAIT.
			if err := run(q, p, o, 1024+i*60000/len(cells), stop, r); err != nil {
				return err
			}
			if err := report(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// A span is the stretch of time that counts, in ns on a clock of ticks that
// starts with it.
type span struct {
	perNs      float64 // ns per tick
	base       uint64
	monotonic  int64 // CLOCK_MONOTONIC at base
	start, end int64
}

func newSpan(hz, now uint64) *span {
	return &span{perNs: 1e9 / float64(hz), base: now, monotonic: monotonic()}
}

func (s *span) ns(tick uint64) int64 { return int64(float64(tick-s.base) * s.perNs) }

// onMonotonic returns what turns the span's times into CLOCK_MONOTONIC: ticks
// are only about so long as DPDK has found.
func (s *span) onMonotonic(tick uint64) func(ns int64) int64 {
	stretch := float64(monotonic()-s.monotonic) / float64(s.ns(tick))
	return func(ns int64) int64 { return s.monotonic + int64(float64(ns)*stretch) }
}

func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // cannot fail
	return t.Nano()
}

// cpu is the CPU time of this thread.
func cpu() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_THREAD, &u) // cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func ask(q *port.Queue, p *port.Port, o *options, firstPort int, stop *atomic.Bool, r *Result) error {
	c := client.New(client.Config{IP: o.ip, MAC: p.MAC, Server: o.to, Connections: r.Conns, InFlight: min(r.Conns, o.inFlight), FirstPort: firstPort,
		Request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", r.Path, o.host)}, q)
	q.Poll(0)
	s := newSpan(p.Hz, q.Ticks())
	h := newHistogram()
	var rows []client.Response
	if o.rows != "" {
		rows = make([]client.Response, 0, mostRows)
	}
	c.OnResponse = func(a *client.Response) {
		if a.Failure == clientrow.None && a.Status != 200 {
			r.NotOK++
		}
		if o.rows != "" && len(rows) < mostRows {
			rows = append(rows, *a)
		}
		if a.Failure != clientrow.None || a.Sent < s.start || s.start == 0 {
			return
		}
		h.add(a.Last - a.Sent)
		r.Bytes += uint64(a.Bytes)
	}
	spin := p.Hz / 20000
	began := s.ns(q.Ticks())
	now := began
	var used time.Duration
	for !stop.Load() {
		n := q.Poll(spin)
		now = s.ns(q.Ticks())
		if q.Sent() >= s.base {
			c.FramesSent(s.ns(q.Sent()))
		}
		c.Advance(now)
		for i := range n {
			f, _ := q.Frame(i)
			c.Input(f)
		}
		c.Flush(q.TxFree())
		if s.start == 0 {
			switch {
			case c.Open() == r.Conns:
				s.start = now + int64(o.warmUp)
				s.end = s.start + int64(o.duration)
				r.Opened = c.Open()
				rows = rows[:0] // from here on they count
				used = cpu()
				if o.rows != "" {
					fmt.Printf("{\"origin_ns\":%d}\n", s.onMonotonic(q.Ticks())(now))
				}
			case now-began > int64(20*time.Second):
				return fmt.Errorf("only %d of %d connections opened within 20 s; does %s answer?", c.Open(), r.Conns, o.to)
			}
		} else if now >= s.end || o.requests > 0 && h.n() >= o.requests || o.rows != "" && len(rows) == mostRows {
			break
		}
	}
	r.CPUNs = int64(cpu() - used)
	clock := s.onMonotonic(q.Ticks())
	r.Full = o.rows != "" && len(rows) == mostRows
	s.end = min(s.end, now)
	c.Paused = true
	// Leave nothing behind, and let the server come to rest: net_memif takes
	// the shared memory away under it when this process ends.
	for quiet := 0; quiet < 100; quiet++ {
		if !c.Close(q.TxFree()) {
			quiet = 0
		}
		q.Poll(p.Hz / 2000)
	}
	r.Seconds = max(0, float64(s.end-s.start)/1e9)
	r.Answers = h.n()
	if r.Seconds > 0 {
		r.Rate = float64(h.n()) / r.Seconds
	}
	r.summarise(h)
	r.Occupancy = r.Rate * r.MeanNs / 1e9 / float64(min(r.Conns, o.inFlight))
	r.Again, r.Bad, r.Reset, r.OutOfOrder = c.Stats.Retransmitted, c.Stats.Bad, c.Stats.Reset, c.Stats.OutOfOrder
	if o.rows != "" {
		r.OriginNs = clock(s.start - int64(o.warmUp))
		return writeRows(o.rows, rows, func(ns int64) int64 { return clock(ns) - r.OriginNs })
	}
	return nil
}

func (r *Result) summarise(h *histogram) {
	r.MeanNs, r.MaxNs = h.mean(), h.max
	r.P50Ns, r.P90Ns, r.P99Ns = h.quantile(.5), h.quantile(.9), h.quantile(.99)
}

// echo keeps r.Conns frames on the way to an l2echo and back.
func echo(q *port.Queue, p *port.Port, o *options, _ int, stop *atomic.Bool, r *Result) error {
	q.Poll(0)
	s := newSpan(p.Hz, q.Ticks())
	room := q.Send(0)
	sent := make([]int64, r.Conns)
	send := func(id int) {
		b := room[:o.size]
		copy(b, "\xff\xff\xff\xff\xff\xff")
		copy(b[6:], p.MAC)
		b[12], b[13] = 0x88, 0xb5 // IEEE 802 local experimental
		b[14], b[15] = byte(id>>8), byte(id)
		room = q.Send(o.size)
	}
	var fresh []int
	h := newHistogram()
	for id := range r.Conns {
		send(id)
		fresh = append(fresh, id)
	}
	spin := p.Hz / 20000
	s.start = s.ns(q.Ticks()) + int64(o.warmUp)
	s.end = s.start + int64(o.duration)
	var last int64
	for !stop.Load() {
		n := q.Poll(spin)
		now := s.ns(q.Ticks())
		for _, id := range fresh {
			sent[id] = s.ns(q.Sent())
		}
		fresh = fresh[:0]
		if now >= s.end {
			break
		}
		for i := range n {
			f, _ := q.Frame(i)
			if len(f) < 16 || f[12] != 0x88 || f[13] != 0xb5 {
				continue
			}
			id := int(f[14])<<8 | int(f[15])
			if id >= r.Conns {
				continue
			}
			last = now
			if sent[id] >= s.start {
				h.add(now - sent[id])
			}
			send(id)
			fresh = append(fresh, id)
		}
		if now-max(last, s.start) > 1e9 {
			return fmt.Errorf("no frame came back; does l2echo run on the other end?")
		}
	}
	r.Path, r.Seconds, r.Answers = "l2echo", o.duration.Seconds(), h.n()
	r.Rate = float64(h.n()) / r.Seconds
	r.summarise(h)
	r.Occupancy = r.Rate * r.MeanNs / 1e9 / float64(r.Conns)
	return nil
}
