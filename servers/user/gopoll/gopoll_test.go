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

	"golang.org/x/sys/unix"

	"crossing/servers/http1"
)

var big = bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB

// start runs a worker on loopback for the rest of the tests.
func start(t *testing.T, spin bool) string {
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
	go func() {
		runtime.LockOSThread()
		t.Error(w.run())
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
				t.Fatalf("answer %d: %d bytes, %v", i, len(b), err)
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
			t.Errorf("%v %v: the answer was lost", p, err)
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
