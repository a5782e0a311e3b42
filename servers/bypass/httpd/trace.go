// SPDX-License-Identifier: Apache-2.0

package httpd

import (
	"bufio"
	"fmt"
	"io"
	"strconv"

	"crossing/servers/bypass/tcpip"
)

// A Stage is where the time of one request went, in ns on the trace's clock.
// Port and Offset (of the request in the stream that the client sent) are what
// a client's record of the same request has, too.
type Stage struct {
	Port     uint16
	Offset   int64
	Received int64 // the burst that completed the request was off the port
	TCP      int64 // TCP had passed the data to HTTP
	HTTP     int64 // the response was ready
	Sent     int64 // the burst with the response's first segment went to the port
}

// A Trace records the stages of requests. It costs two or three clock reads per
// request, so do not compare rates with it to rates without.
type Trace struct {
	Now      func() int64
	Received int64 // of the burst at hand; the loop sets it
	Rows     []Stage
	limit    int
	unsent   int     // index of the first row without Sent
	offsets  []int64 // by connection
}

// NewTrace returns a trace of at most that number of requests.
func NewTrace(most int, now func() int64) *Trace {
	return &Trace{Now: now, Rows: make([]Stage, 0, most), limit: most}
}

// SetSent sets when the responses since the last call were sent.
func (t *Trace) SetSent(ns int64) {
	for ; t.unsent < len(t.Rows); t.unsent++ {
		t.Rows[t.unsent].Sent = ns
	}
}

func (t *Trace) opened(c *tcpip.Conn) {
	for c.ID() >= len(t.offsets) {
		t.offsets = append(t.offsets, 0)
	}
	t.offsets[c.ID()] = 0
}

// consumed counts n bytes of the stream, of a request if it was answered.
func (t *Trace) consumed(c *tcpip.Conn, n int, answered bool, before int64) {
	at := &t.offsets[c.ID()]
	if answered && len(t.Rows) < t.limit {
		t.Rows = append(t.Rows, Stage{Port: c.Peer().Port(), Offset: *at, Received: t.Received, TCP: before, HTTP: t.Now()})
	}
	*at += int64(n)
}

// Write writes the rows as CSV, under the names that the dataset's table of
// stages has for them.
func (t *Trace) Write(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintln(b, "port,offset,device_ns,ready_ns,send_ns,first_tx_ns")
	var line []byte
	for _, r := range t.Rows[:t.unsent] {
		line = strconv.AppendUint(line[:0], uint64(r.Port), 10)
		for _, v := range [...]int64{r.Offset, r.Received, r.TCP, r.HTTP, r.Sent} {
			line = strconv.AppendInt(append(line, ','), v, 10)
		}
		if _, err := b.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return b.Flush()
}
