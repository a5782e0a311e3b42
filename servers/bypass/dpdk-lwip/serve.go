// SPDX-License-Identifier: Apache-2.0

//go:build dpdk && lwip

package main

/*
#cgo pkg-config: libdpdk
#cgo CFLAGS: -I${SRCDIR} -I${SRCDIR}/../../../.cache/lwip -I${SRCDIR}/../../../.cache/lwip/src/include
#cgo LDFLAGS: ${SRCDIR}/../../../.cache/lwip/liblwip.a
#cgo noescape glue_step
#cgo nocallback glue_step
#include "glue.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"crossing/servers/bypass/port"
	"crossing/servers/http1"
)

// A conn is Go's part of a connection.
type conn struct {
	stream http1.Stream
	in     []byte // the part of a request that is here
}

func serve(name string, at netip.AddrPort, site *http1.Site, stop *atomic.Bool) error {
	p, err := port.Open(name, 1)
	if err != nil {
		return err
	}
	defer p.Close()
	fmt.Printf("dpdk-lwip: serving %d files on %s at %s, MAC %s\n", site.Files(), at, name, p.MAC)
	return p.Run(func(q *port.Queue) error { return loop(q, p, at, site, stop) })
}

func loop(q *port.Queue, p *port.Port, at netip.AddrPort, site *http1.Site, stop *atomic.Bool) error {
	queue, poll, flush := q.Pointers()
	ip := at.Addr().As4()
	g := C.glue_open(queue, poll, flush, C.uint64_t(p.Hz), (*C.uint8_t)(&p.MAC[0]), (*C.uint8_t)(&ip[0]), C.uint16_t(at.Port()))
	if g == nil {
		return errors.New("lwIP cannot listen")
	}
	server := http1.NewServer(site)
	// lwIP sends long bodies from where they are.
	var pin runtime.Pinner
	defer pin.Unpin()
	site.EachBody(func(b []byte) { pin.Pin(&b[0]) })
	conns := make([]conn, 16384)
	var asked time.Time
	for spin := p.Hz / 20000; !stop.Load(); {
		C.glue_step(g, C.uint64_t(spin))
		if g.nevents == 0 {
			if now := time.Now(); now.Sub(asked) > time.Millisecond {
				asked = now
				server.SetTime(now.Unix())
			}
		}
		for i := range g.events[:g.nevents] {
			e := &g.events[i]
			c := &conns[e.conn]
			if e.first != 0 { // what a connection that was reset has left
				*c = conn{in: c.in[:0]}
			}
			if e.data == nil { // the peer has closed, and so do we
				*c = conn{in: c.in[:0]}
				push(g, C.struct_answer{conn: e.conn, closes: 1}, nil)
				continue
			}
			c.answer(g, e, server)
		}
	}
	return nil
}

// answer serves what an event has brought.
func (c *conn) answer(g *C.struct_glue, e *C.struct_event, server *http1.Server) {
	b := unsafe.Slice((*byte)(e.data), int(e.len))
	if len(c.in) > 0 {
		c.in = append(c.in, b...)
		b = c.in
	}
	for len(b) > 0 {
		n, r := server.Serve(&c.stream, b)
		b = b[n:]
		if r == nil {
			break
		}
		a := C.struct_answer{conn: e.conn}
		if len(r.Body) > 0 {
			a.body, a.body_len = unsafe.Pointer(&r.Body[0]), C.uint64_t(len(r.Body))
		}
		if r.Close {
			a.closes = 1
		}
		push(g, a, r.Head)
		if r.Close {
			*c = conn{in: c.in[:0]}
			return
		}
	}
	c.in = append(c.in[:0], b...)
}

// push hands an answer to lwIP at the next step.
func push(g *C.struct_glue, a C.struct_answer, head []byte) {
	if g.nanswers == C.ANSWERS || int(g.nheads)+len(head) > len(g.heads) {
		C.glue_answer(g)
	}
	a.head_at, a.head_len = g.nheads, C.uint32_t(len(head))
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&g.heads[0])), len(g.heads))[g.nheads:], head)
	g.nheads += C.uint32_t(len(head))
	g.answers[g.nanswers] = a
	g.nanswers++
}
