// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crossing/servers/http1"
)

var big = bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB

// start runs a worker on loopback until the test process ends.
func start(t *testing.T, spin bool) string {
	t.Helper()
	return startLimited(t, spin, idleLimit)
}

func startLimited(t *testing.T, spin bool, limit time.Duration) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range map[string][]byte{"100": big[:100], "16K": big[:16<<10], "4M": big} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	site, err := http1.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWorker(fd, http1.NewServer(site), spin)
	if err != nil {
		t.Fatal(err)
	}
	w.idleLimit = limit
	go func() {
		runtime.LockOSThread()
		panic(w.run())
	}()
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", sa.(*unix.SockaddrInet4).Port)
}

func TestServes(t *testing.T) {
	runtime.GOMAXPROCS(4) // a sleeping worker holds one
	addr := start(t, false)

	t.Run("clients at once", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for _, path := range []string{"/100", "/4M", "/16K"} {
					r, err := http.Get("http://" + addr + path)
					if err != nil {
						t.Error(err)
						return
					}
					b, err := io.ReadAll(r.Body)
					r.Body.Close()
					if err != nil || sha256.Sum256(b) != sha256.Sum256(big[:len(b)]) || int64(len(b)) != r.ContentLength {
						t.Errorf("%s: %d bytes, %v", path, len(b), err)
					}
				}
			})
		}
		wg.Wait()
	})

	t.Run("pipelined, slow reader", func(t *testing.T) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		const n = 8
		go func() {
			// One byte at a time, so that requests are cut anywhere.
			for _, x := range []byte(strings.Repeat("GET /4M HTTP/1.1\r\nHost: a\r\n\r\nGET /100 HTTP/1.1\r\nHost: a\r\n\r\n", n)) {
				c.Write([]byte{x})
			}
		}()
		r := bufio.NewReaderSize(c, 16)
		for i := range 2 * n {
			p, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(i, err)
			}
			b, err := io.ReadAll(p.Body)
			want := big
			if i%2 == 1 {
				want = big[:100]
			}
			if err != nil || !bytes.Equal(b, want) {
				t.Fatalf("response %d: %d bytes, %v", i, len(b), err)
			}
		}
	})

	t.Run("half-closed", func(t *testing.T) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET /4M HTTP/1.1\r\nHost: a\r\n\r\n")
		c.(*net.TCPConn).CloseWrite()
		b, err := io.ReadAll(c)
		if err != nil || !bytes.HasSuffix(b, big) {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})

	t.Run("refused with bytes unread", func(t *testing.T) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write(append([]byte("BAD\r\n\r\n"), big[:1<<20]...))
		p, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || p.StatusCode != 400 {
			t.Errorf("%v %v: the response was lost", p, err)
		}
	})

	t.Run("vanishing clients", func(t *testing.T) {
		for range 100 {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, "GET /4M HTTP/1.1\r\nHost: a\r\n\r\n")
			c.(*net.TCPConn).SetLinger(0) // reset
			c.Close()
		}
		if _, err := http.Get("http://" + addr + "/100"); err != nil {
			t.Error(err)
		}
	})
}

// TestPipeliningIsFair: a connection that always has requests waiting does not
// keep others from being served. It counts, and measures no time: while the other
// connection is served once, the busy one gets at most a few budgets.
func TestPipeliningIsFair(t *testing.T) {
	runtime.GOMAXPROCS(4)
	addr := start(t, false)
	busy, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	const request = "GET /100 HTTP/1.1\r\nHost: a\r\n\r\n"
	go func() {
		for many := []byte(strings.Repeat(request, 4000)); ; {
			if _, err := busy.Write(many); err != nil {
				return
			}
		}
	}()
	go io.Copy(io.Discard, busy)
	for i := range 20 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		io.WriteString(c, request)
		if p, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || p.StatusCode != 200 {
			t.Fatalf("connection %d: %v %v", i, p, err)
		}
		c.Close()
	}
}

// TestBudget: one call of serve responds to at most requestBudget requests of a
// connection, and the rest is responded to later.
func TestBudget(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "100"), big[:100], 0o644); err != nil {
		t.Fatal(err)
	}
	site, err := http1.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	l, err := listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(l)
	w, err := newWorker(l, http1.NewServer(site), false)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(w.epoll)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	c := &conn{fd: pair[0]}
	w.conns = make([]*conn, pair[0]+1)
	w.conns[pair[0]] = c
	const n = 3*requestBudget + 5
	if _, err := unix.Write(pair[1], []byte(strings.Repeat("GET /100 HTTP/1.1\r\nHost: a\r\n\r\n", n))); err != nil {
		t.Fatal(err)
	}
	responses := func() int {
		b := make([]byte, 1<<20)
		k, _ := unix.Read(pair[1], b)
		return bytes.Count(b[:max(k, 0)], []byte("HTTP/1.1 200"))
	}
	w.http.SetTime(1)
	w.serve(c, unix.EPOLLIN)
	got := responses()
	if got == 0 || got > requestBudget {
		t.Errorf("%d responses to one event, want 1 to %d", got, requestBudget)
	}
	for range n {
		w.serveAgain()
	}
	if got += responses(); got != n {
		t.Errorf("%d responses in all, want %d", got, n)
	}
}

// TestSlowHeader: bytes of an incomplete request are no progress.
func TestSlowHeader(t *testing.T) {
	runtime.GOMAXPROCS(4)
	addr := startLimited(t, false, time.Second)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /100 HTTP/1.1\r\nHost: a\r\n")
	go func() {
		for range 300 {
			if _, err := io.WriteString(c, "A: b\r\n"); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("%v; want the connection to be closed", err)
	}
}

// TestOutOfDescriptors: without a descriptor the listener is not polled, and with
// one again the waiting connection is served.
func TestOutOfDescriptors(t *testing.T) {
	l, err := listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(l)
	w, err := newWorker(l, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(w.epoll)
	sa, err := unix.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", sa.(*unix.SockaddrInet4).Port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	none := old
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	w.accept()
	err = unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := poll(w.epoll, w.ready[:], 0); n != 0 || !w.paused {
		t.Errorf("%d events after EMFILE, paused %v; want none, and paused", n, w.paused)
	}
	if err := w.listen(); err != nil {
		t.Fatal(err)
	}
	if n, _ := poll(w.epoll, w.ready[:], 5000); n != 1 {
		t.Fatalf("%d events, want the listener's", n)
	}
	w.accept()
	if open := len(w.conns) > 0; !open {
		t.Error("the connection was not accepted")
	}
}

func TestSpins(t *testing.T) {
	runtime.GOMAXPROCS(4)
	addr := start(t, true)
	for range 100 {
		r, err := http.Get("http://" + addr + "/100")
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
}

func TestListenErrors(t *testing.T) {
	for at, want := range map[string]string{
		"192.0.2.1:80": "no interface here",
	} {
		if _, err := listen(netip.MustParseAddrPort(at)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", at, err)
		}
	}
}
