//go:build dpdk

package main

import (
	"bufio"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"crossing/servers/bypass/client"
	"crossing/servers/bypass/port"
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
			r := &Result{Conns: k.conns, Path: k.path}
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

// A span is the stretch of ticks that counts.
type span struct {
	perNs      float64 // ns per tick
	base       uint64
	start, end int64
}

func newSpan(o *options, hz, now uint64) *span {
	s := &span{perNs: 1e9 / float64(hz), base: now}
	return s
}

func (s *span) ns(tick uint64) int64 { return int64(float64(tick-s.base)*s.perNs) + 1e9 }

func ask(q *port.Queue, p *port.Port, o *options, firstPort int, stop *atomic.Bool, r *Result) error {
	c := client.New(client.Config{IP: o.ip, MAC: p.MAC, Server: o.to, Conns: r.Conns, InFlight: min(r.Conns, o.inFlight), FirstPort: firstPort,
		Ask: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", r.Path, o.to.Addr())}, q)
	q.Poll(0)
	s := newSpan(o, p.Hz, q.Ticks())
	var h histogram
	var answers []client.Answer
	limit := 0
	if o.rows != "" {
		limit = 8 << 20
		answers = make([]client.Answer, 0, limit)
	}
	c.Answered = func(a *client.Answer) {
		if a.Status != 200 {
			r.NotOK++
		}
		if a.Sent < s.start || s.start == 0 {
			return
		}
		h.add(a.Last - a.Sent)
		r.Bytes += uint64(a.Bytes)
		if len(answers) < limit {
			answers = append(answers, *a)
		}
	}
	spin := p.Hz / 20000
	began := s.ns(q.Ticks())
	for !stop.Load() {
		n := q.Poll(spin)
		now := s.ns(q.Ticks())
		c.Sent(s.ns(q.Sent()))
		c.Advance(now)
		for i := range n {
			f, _ := q.Frame(i)
			c.Input(f)
		}
		c.Flush(q.Room())
		if s.start == 0 {
			switch {
			case c.Open() == r.Conns:
				s.start = now + int64(o.warmUp)
				s.end = s.start + int64(o.duration)
				r.Opened = c.Open()
			case now-began > int64(20*time.Second):
				return fmt.Errorf("only %d of %d connections opened within 20 s; does %s answer?", c.Open(), r.Conns, o.to)
			}
		} else if now >= s.end {
			break
		}
	}
	c.Holding = true
	// Leave nothing behind, and let the server come to rest: net_memif takes
	// the shared memory away under it when this process ends.
	for quiet := 0; quiet < 100; quiet++ {
		if !c.Close(q.Room()) {
			quiet = 0
		}
		q.Poll(p.Hz / 2000)
	}
	r.Seconds = o.duration.Seconds()
	r.Answers = h.n
	r.Rate = float64(h.n) / r.Seconds
	r.summarise(&h)
	r.Occupancy = r.Rate * r.MeanNs / 1e9 / float64(min(r.Conns, o.inFlight))
	r.Again, r.Bad, r.Reset, r.OutOfOrder = c.Stats.Again, c.Stats.Bad, c.Stats.Reset, c.Stats.OutOfOrder
	if o.rows != "" {
		return write(o.rows, answers, s.start)
	}
	return nil
}

func (r *Result) summarise(h *histogram) {
	r.MeanNs, r.MaxNs = h.mean(), h.max
	r.P50Ns, r.P90Ns, r.P99Ns = h.quantile(.5), h.quantile(.9), h.quantile(.99)
}

// write writes the rows with the names and units of the datasets' columns.
func write(file string, answers []client.Answer, origin int64) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "conn,port,offset,sent_ns,first_byte_ns,last_byte_ns,status,bytes")
	for _, a := range answers {
		fmt.Fprintf(w, "%d,%d,%d,%d,%d,%d,%d,%d\n", a.Conn, a.Port, a.Offset, a.Sent-origin, a.First-origin, a.Last-origin, a.Status, a.Bytes)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// echo keeps r.Conns frames on the way to an l2echo and back.
func echo(q *port.Queue, p *port.Port, o *options, _ int, stop *atomic.Bool, r *Result) error {
	q.Poll(0)
	s := newSpan(o, p.Hz, q.Ticks())
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
	var h histogram
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
	r.Path, r.Seconds, r.Answers = "l2echo", o.duration.Seconds(), h.n
	r.Rate = float64(h.n) / r.Seconds
	r.summarise(&h)
	r.Occupancy = r.Rate * r.MeanNs / 1e9 / float64(r.Conns)
	return nil
}
