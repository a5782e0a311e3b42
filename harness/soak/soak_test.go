// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"crossing/servers/site"
)

// impatience is the clients' in these tests. A machine that is busy stands still
// for less.
const impatience = 300 * time.Millisecond

// enough answers for some of them to be left.
const enough = 200

// TestKinds: a client takes every answer for what it is.
func TestKinds(t *testing.T) {
	right := func(w http.ResponseWriter, r *http.Request) []byte {
		b, _ := site.Body(r.URL.Path)
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		return b
	}
	for _, c := range []struct {
		kind   string // empty: none is wrong
		answer http.HandlerFunc
	}{
		{"", func(w http.ResponseWriter, r *http.Request) { w.Write(right(w, r)) }},
		{"", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			w.Write(right(w, r))
		}},
		{"status 404", http.NotFound},
		{"other length", func(w http.ResponseWriter, r *http.Request) {
			b := right(w, r)
			w.Header().Set("Content-Length", strconv.Itoa(len(b)+1))
			w.Write(append(b[:len(b):len(b)], 'x'))
		}},
		{"other bytes", func(w http.ResponseWriter, r *http.Request) {
			b := append([]byte(nil), right(w, r)...)
			if len(b) > 0 {
				b[len(b)-1] ^= 1 // one bit of the last byte
			}
			w.Write(b)
		}},
		{"cut short", func(w http.ResponseWriter, r *http.Request) {
			b := right(w, r)
			w.Write(b[:len(b)/2])
			panic(http.ErrAbortHandler)
		}},
		{"stuck", func(w http.ResponseWriter, r *http.Request) {
			b := right(w, r)
			w.Write(b[:len(b)/2])
			http.NewResponseController(w).Flush()
			if len(b) > 0 {
				<-r.Context().Done()
			}
		}},
		{"", func(w http.ResponseWriter, r *http.Request) { // slow, but never stuck
			b := right(w, r)
			if len(b) == 64<<10 {
				for i := range 4 {
					w.Write(b[16<<10*i:][:16<<10])
					http.NewResponseController(w).Flush()
					time.Sleep(impatience / 3)
				}
				return
			}
			w.Write(b)
		}},
		{"no HTTP", func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				io.WriteString(conn, "hello\r\n\r\n")
				conn.Close()
			}
		}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			tally := newTally()
			ctx, cancel := context.WithCancel(t.Context())
			client := &client{
				dial:     func() (net.Conn, error) { return net.Dial("tcp", server.Listener.Addr().String()) },
				rng:      rand.New(rand.NewPCG(1, 2)),
				tally:    tally,
				patience: impatience,
			}
			done := make(chan struct{})
			go func() { client.run(ctx); close(done) }()
			for {
				right, wrong := tally.sums()
				if c.kind == "" && right >= enough || c.kind != "" && wrong >= 10 {
					break
				}
				time.Sleep(time.Millisecond)
			}
			cancel()
			<-done
			if c.kind == "" && (len(tally.wrong) > 0 || tally.left == 0) {
				t.Errorf("wrong %v %v, left %d", tally.wrong, tally.sample, tally.left)
			}
			if c.kind != "" && (len(tally.wrong) != 1 || tally.wrong[c.kind] == 0) {
				t.Errorf("kinds %v, want only %q", tally.wrong, c.kind)
			}
		})
	}
}

func TestGrew(t *testing.T) {
	series := func(from, step int64, files, more int) (all []Sample) {
		for i := range 100 {
			all = append(all, Sample{(from + step*int64(i)) << 20, files + more*i})
		}
		return all
	}
	for _, c := range []struct {
		samples []Sample
		want    string
	}{
		{series(50, 0, 20, 0), "[]"},
		{series(50, 1, 20, 0), "[memory grows]"},
		{series(50, 0, 20, 1), "[open files grow]"},
		{series(50, -1, 200, -1), "[]"},
		{append(series(50, 1, 20, 0)[:25], series(75, 0, 20, 0)[25:]...), "[]"}, // only while it warms up
		{series(50, 1, 20, 0)[:3], "[]"},
	} {
		if got := fmt.Sprint(grew(c.samples, 4)); got != c.want {
			t.Errorf("%v…: %s, want %s", c.samples[:3], got, c.want)
		}
	}
}

func TestBuffers(t *testing.T) {
	const log = "dpdk: serving 10 files; 14271 of 16383 buffers free\nnote\ndpdk: 14270 of 16383 buffers free; port {}\n"
	if b := readBuffers(log); b == nil || *b != (Buffers{14271, 14270, 16383}) {
		t.Errorf("%+v", b)
	}
	if b := readBuffers(strings.SplitAfter(log, "\n")[0]); b == nil || b.End != -1 {
		t.Errorf("a server that did not tell at its end: %+v", b)
	}
	if b := readBuffers("nginx: ready"); b != nil {
		t.Errorf("%+v", b)
	}
}
