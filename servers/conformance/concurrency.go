// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// concurrency are rows with connections that could affect each other.
var concurrency = []Row{
	halfClosed("/0"), halfClosed("/100"), halfClosed("/16K"),
	{"half-closed within a request", "RFC 9112 8", []string{"closed without a response", "400", "408"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		c.send("GET /100 HTTP/1.1\r\nHost: si")
		if c.wrong == "" {
			_ = c.Conn.(*net.TCPConn).CloseWrite()
		}
		return c.read("GET").code()
	}},
	{"pipelined in separate segments, slow reader", "RFC 9112 9.3.2", []string{"all right"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		if c.wrong != "" {
			return c.wrong
		}
		_ = c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		var paths []string
		for range 20 {
			paths = append(paths, "/16K", "/100", "/1K")
		}
		for _, p := range paths {
			c.send(get(p))
		}
		time.Sleep(20 * time.Millisecond)
		c.r.Reset(&slow{c.Conn})
		if responses(c, paths...) != fmt.Sprintf("%d of %[1]d right", len(paths)) {
			return "not all right" // how many depends on the timing
		}
		return "all right"
	}},
	{"different files at once", "contract", []string{"32 of 32 right"}, func(s Server) string {
		paths := []string{"/0", "/100", "/1K", "/16K"}
		return atOnce(32, func(i int) string {
			var own []string
			for range 12 {
				own = append(own, paths[i%len(paths)])
			}
			return withRetries(s, own...)
		}, "12 of 12 right")
	}},
	{"served beside a pipelining client", "contract", []string{"200, right body"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		if c.wrong != "" {
			return c.wrong
		}
		end := make(chan struct{})
		defer close(end)
		go func() {
			for many := []byte(strings.Repeat(get("/100"), 4000)); ; {
				select {
				case <-end:
					return
				default:
				}
				_ = c.SetWriteDeadline(time.Now().Add(patience))
				if _, err := c.Conn.Write(many); err != nil {
					return
				}
			}
		}()
		go func() {
			for b := make([]byte, 1<<20); ; {
				if _, err := c.Conn.Read(b); err != nil {
					return
				}
			}
		}()
		time.Sleep(300 * time.Millisecond)
		for range 3 {
			if got := body("/1K", get("/1K"))(s); got != "200, right body" {
				return got
			}
		}
		return "200, right body"
	}},
	{"idle for 4 seconds", "contract", []string{"2 of 2 right"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		if got := inTurn(c, "/100"); got != "1 of 1 right" {
			return got
		}
		time.Sleep(4 * time.Second)
		if got := inTurn(c, "/1K"); got != "1 of 1 right" {
			return "1 of 2 right, then " + c.wrong
		}
		return "2 of 2 right"
	}},
}

// halfClosed ends the client's direction at once behind its request.
func halfClosed(path string) Row {
	return Row{"half-closed at once, GET " + path, "RFC 9293 3.6", []string{"200, right body"}, func(s Server) string {
		for range 20 {
			c := dial(s)
			c.send(get(path))
			if c.wrong == "" {
				_ = c.Conn.(*net.TCPConn).CloseWrite()
			}
			got := c.read("GET").bodyOf(path)
			c.close()
			if got != "200, right body" {
				return got
			}
		}
		return "200, right body"
	}}
}

// atOnce runs n clients and counts those that observe what they should.
func atOnce(n int, client func(i int) string, want string) string {
	var wg sync.WaitGroup
	observed := make([]string, n)
	for i := range n {
		wg.Go(func() { observed[i] = client(i) })
	}
	wg.Wait()
	for _, got := range observed {
		if got != want {
			return "not all: " + got
		}
	}
	return fmt.Sprintf("%d of %d right", n, n)
}
