// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crossing/data/dataset"
)

// An answer does what a server does with the nth request of a connection (from
// 0), and reports whether the connection lives on.
type answer func(c *net.TCPConn, n int) bool

const good = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

func say(text string) answer {
	return func(c *net.TCPConn, _ int) bool {
		_, err := c.Write([]byte(text))
		return err == nil
	}
}

// misbehaving starts a server and returns its address and what closes it.
func misbehaving(t *testing.T, a answer) (netip.AddrPort, func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for n := 0; ; n++ {
					if _, err := http.ReadRequest(in); err != nil || !a(c.(*net.TCPConn), n) {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort(), func() { l.Close() }
}

// TestBadServers shows that each way in which a server can fail is counted as
// what it is, and that none hangs the run.
func TestBadServers(t *testing.T) {
	slow := func(text string, d time.Duration) answer {
		return func(c *net.TCPConn, _ int) bool {
			time.Sleep(d)
			_, err := c.Write([]byte(text))
			return err == nil
		}
	}
	then := func(text string, last func(*net.TCPConn)) answer {
		return func(c *net.TCPConn, _ int) bool {
			c.Write([]byte(text))
			last(c)
			return false
		}
	}
	reset := func(c *net.TCPConn) { c.SetLinger(0) }
	leave := func(*net.TCPConn) {}
	const limit = 60 * time.Millisecond
	for _, test := range []struct {
		name       string
		answer     answer
		want       dataset.Failure // the only kind that may be seen, and must be unless it is None
		all        bool            // no request succeeds
		reconnects bool
	}{
		{"good", say(good), dataset.None, false, false},
		{"split at every byte", func(c *net.TCPConn, _ int) bool {
			for i := range len(good) {
				if _, err := c.Write([]byte(good[i : i+1])); err != nil {
					return false
				}
			}
			return true
		}, dataset.None, false, false},
		{"late but in time", slow(good, 20*time.Millisecond), dataset.None, false, false},
		{"too late", slow(good, 3*limit), dataset.Timeout, true, true},
		{"never", func(c *net.TCPConn, _ int) bool { time.Sleep(time.Second); return false }, dataset.Timeout, true, true},
		{"never the end", say("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello"), dataset.Timeout, true, true},
		{"endless body", func(c *net.TCPConn, _ int) bool {
			c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"))
			for {
				if _, err := c.Write(make([]byte, 100)); err != nil {
					return false
				}
				time.Sleep(time.Millisecond)
			}
		}, dataset.Timeout, true, true},
		{"closes unasked", func(*net.TCPConn, int) bool { return false }, dataset.Closed, true, true},
		{"closes in the head", then(good[:20], leave), dataset.Closed, true, true},
		{"closes in the body", then(good[:len(good)-1], leave), dataset.Closed, true, true},
		{"resets unasked", func(c *net.TCPConn, _ int) bool { reset(c); return false }, dataset.Reset, true, true},
		{"resets in the body", func(c *net.TCPConn, _ int) bool {
			c.Write([]byte(good[:len(good)-1]))
			time.Sleep(5 * time.Millisecond) // so that the client has read what came before
			reset(c)
			return false
		}, dataset.Reset, true, true},
		{"garbage", say("\x16\x03\x01 no HTTP"), dataset.Malformed, true, true},
		{"endless head", func(c *net.TCPConn, _ int) bool {
			c.Write([]byte("HTTP/1.1 200 OK\r\n"))
			for {
				if _, err := c.Write([]byte("A: " + strings.Repeat("x", 1000) + "\r\n")); err != nil {
					return false
				}
			}
		}, dataset.Malformed, true, true},
		{"500", say("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"), dataset.Status, true, false},
		{"404 as long as the file", say("HTTP/1.1 404 Oh\r\nContent-Length: 5\r\n\r\nhello"), dataset.Status, true, false},
		{"too short", say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell"), dataset.Length, true, false},
		{"too long", say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!"), dataset.Length, true, false},
		{"too much", say(good + "\r\n"), dataset.Surplus, true, true},
		{"two answers to one request", say(good + good), dataset.Surplus, true, true},
		{"closes every time, announced", then("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", leave), dataset.None, false, true},
		{"ends the body by closing", then("HTTP/1.1 200 OK\r\n\r\nhello", leave), dataset.None, false, true},
		{"HTTP/1.0", then("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", leave), dataset.None, false, true},
		{"chunked", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), dataset.None, false, false},
		{"sheds kept-alive connections", func(c *net.TCPConn, n int) bool {
			if n == 2 {
				return false
			}
			c.Write([]byte(good))
			return true
		}, dataset.Shed, false, true},
		{"sheds by reset", func(c *net.TCPConn, n int) bool {
			if n == 2 {
				reset(c)
				return false
			}
			c.Write([]byte(good))
			return true
		}, dataset.Shed, false, true},
	} {
		for loop, schedule := range map[string]Schedule{"closed": nil, "open": Poisson{60}} {
			t.Run(test.name+"/"+loop, func(t *testing.T) {
				t.Parallel()
				addr, _ := misbehaving(t, test.answer)
				c := Config{
					Target: addr, Connections: 2, Mode: Block, BodyLen: 5, Schedule: schedule, MaxRate: 50000, Jitter: -1,
					WarmUp: 10 * time.Millisecond, Duration: 150 * time.Millisecond, Timeout: 20 * time.Second,
				}
				if test.want == dataset.Timeout {
					c.Timeout = limit // else none, however busy the machine that tests
				}
				r := runSome(t, c)
				kinds := map[dataset.Failure]int{}
				for i := range r.Requests {
					kinds[r.Requests[i].Failure]++
				}
				if test.want != dataset.None && kinds[test.want] == 0 {
					t.Errorf("no %v: %v", test.want, kinds)
				}
				for k, n := range kinds {
					// Who waits for time-outs falls behind the schedule.
					if k != test.want && k != dataset.None && !(k == dataset.Unsent && test.want == dataset.Timeout) {
						t.Errorf("%d %v, want only %v", n, k, test.want)
					}
				}
				if test.all != (kinds[dataset.None] == 0) {
					t.Errorf("%d requests succeeded", kinds[dataset.None])
				}
				if !test.reconnects && r.Reconnects > 0 || test.reconnects && r.Reconnects == 0 && len(r.Requests) > 2*c.Connections {
					t.Errorf("%d reconnects", r.Reconnects)
				}
				checkRows(t, r, c)
				if s := r.Summary(); test.want != dataset.None && s.Failures[test.want.String()] == 0 {
					t.Errorf("the summary does not tell: %v", s.Failures)
				}
			})
		}
	}
}

// TestShed checks that a request that was shed is sent again, that its response
// time counts from when it was first due, and that the row of the attempt stays.
func TestShed(t *testing.T) {
	addr, _ := misbehaving(t, func(c *net.TCPConn, n int) bool {
		if n == 1 {
			time.Sleep(5 * time.Millisecond)
			return false
		}
		c.Write([]byte(good))
		return true
	})
	r := run(t, Config{Target: addr, Connections: 1, Mode: Block, BodyLen: 5, Duration: 200 * time.Millisecond, Jitter: -1})
	intended := map[int64]*dataset.Request{}
	var shed int
	for i := range r.Requests {
		if q := &r.Requests[i]; q.OK() {
			intended[q.IntendedNs] = q
		}
	}
	for i := range r.Requests {
		q := &r.Requests[i]
		if q.Failure != dataset.Shed {
			continue
		}
		shed++
		again := intended[q.IntendedNs]
		if again == nil {
			t.Fatalf("not sent again: %+v", *q)
		}
		if again.Conn == q.Conn || again.SentNs < q.LastByteNs || again.ResponseNs() < 4e6 || again.Offset != 0 {
			t.Errorf("shed %+v\nagain %+v", *q, *again)
		}
	}
	if shed == 0 {
		t.Errorf("%d were shed", shed)
	}
}

// TestServerGoesAway closes the listener in mid-run, after three answers.
func TestServerGoesAway(t *testing.T) {
	for loop, schedule := range map[string]Schedule{"closed": nil, "open": Poisson{500}} {
		t.Run(loop, func(t *testing.T) {
			var served atomic.Int64
			var stop func()
			var addr netip.AddrPort
			addr, stop = misbehaving(t, func(c *net.TCPConn, n int) bool {
				if served.Add(1) > 3 {
					stop()
					return false
				}
				c.Write([]byte(good))
				return true
			})
			c := Config{Target: addr, Connections: 2, Mode: Hybrid, BodyLen: 5, Schedule: schedule, Duration: time.Second, MaxRate: 50000, Jitter: -1}
			r := run(t, c)
			s := r.Summary()
			if s.OK == 0 || s.Failures["refused"] == 0 {
				t.Errorf("%d ok, failures %v", s.OK, s.Failures)
			}
			if n := s.Failures["refused"]; n > 700 { // 2 connections, 10 ms, 1 s and 2 s for what is overdue
				t.Errorf("%d attempts in 3 s: no pause between them", n)
			}
			checkRows(t, r, c)
		})
	}
}

// TestLateSurplus sends bytes that nobody asked for when the connection is idle.
func TestLateSurplus(t *testing.T) {
	addr, _ := misbehaving(t, func(c *net.TCPConn, n int) bool {
		c.Write([]byte(good))
		time.Sleep(5 * time.Millisecond)
		c.Write([]byte("more"))
		return true
	})
	r := run(t, Config{Target: addr, Connections: 1, Mode: Block, BodyLen: 5, Schedule: Fixed{20}, Duration: 300 * time.Millisecond, Jitter: -1})
	if s := r.Summary(); s.Failures["surplus"] < 4 {
		t.Errorf("failures %v", s.Failures)
	}
}

func TestNothingListens(t *testing.T) {
	addr, stop := misbehaving(t, say(good))
	stop()
	_, err := Run(t.Context(), Config{Target: addr, Connections: 2, Duration: time.Second, Jitter: -1})
	if err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%v", err)
	}
}

func TestBadConfig(t *testing.T) {
	ok := Config{Target: netip.MustParseAddrPort("127.0.0.1:9"), Connections: 1, Duration: time.Second}
	for name, spoil := range map[string]func(*Config){
		"no target":       func(c *Config) { c.Target = netip.AddrPort{} },
		"no port":         func(c *Config) { c.Target = netip.MustParseAddrPort("127.0.0.1:0") },
		"load of 0":       func(c *Config) { c.Connections = 0 },
		"too many":        func(c *Config) { c.Connections = 1e6 },
		"no duration":     func(c *Config) { c.Duration = 0 },
		"warm-up":         func(c *Config) { c.WarmUp = -1 },
		"days":            func(c *Config) { c.Duration = 100 * time.Hour },
		"mode":            func(c *Config) { c.Mode = 9 },
		"status":          func(c *Config) { c.Status = 99 },
		"path":            func(c *Config) { c.Path = "/a b" },
		"path smuggles":   func(c *Config) { c.Path = "/\r\nX: y" },
		"no slash":        func(c *Config) { c.Path = "x" },
		"host smuggles":   func(c *Config) { c.Host = "a\r\nX: y" },
		"field smuggles":  func(c *Config) { c.Fields = []string{"A: b\r\nX: y"} },
		"no field":        func(c *Config) { c.Fields = []string{"abc"} },
		"schedule of 0/s": func(c *Config) { c.Schedule = Poisson{} },
	} {
		c := ok
		spoil(&c)
		if _, err := Run(t.Context(), c); err == nil || !strings.HasPrefix(err.Error(), "load: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStop ends a run early and keeps what was measured.
func TestStop(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	begin := time.Now()
	r, err := Run(ctx, Config{Target: null(t, 100, true).Addr, Connections: 2, Mode: Block, BodyLen: 100, Duration: time.Minute, MaxRate: 10000, Jitter: -1, Progress: func(_ time.Duration, done int64) {
		if done > 0 {
			stop()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 50*time.Second || len(r.Requests) == 0 || r.Elapsed >= time.Minute || r.Elapsed <= 0 {
		t.Errorf("took %v, %d rows, %v elapsed", took, len(r.Requests), r.Elapsed)
	}
	if s := r.Summary(); len(s.Failures) != 0 {
		t.Errorf("failures %v", s.Failures)
	}
}

// TestFull runs out of rows.
func TestFull(t *testing.T) {
	r := run(t, Config{Target: null(t, 100, true).Addr, Connections: 1, Mode: Block, BodyLen: 100, Duration: time.Second, MaxRate: 100, Jitter: -1})
	s := r.Summary()
	if !r.Full || r.Elapsed >= time.Second || !slices.Contains(s.Marks, "full") {
		t.Errorf("full %v, %v, marks %v", r.Full, r.Elapsed, s.Marks)
	}
}

// TestOpenLoop checks that an open loop sends what is due when it is due.
func TestOpenLoop(t *testing.T) {
	for _, mode := range []Mode{Hybrid, Spin, Block, Tick} {
		for _, workers := range []int{1, 2} {
			t.Run(fmt.Sprint(mode, workers), func(t *testing.T) {
				c := Config{
					Target: null(t, 100, true).Addr, Connections: 4, Workers: workers, Mode: mode, BodyLen: 100, Seed: 3, Jitter: -1,
					Schedule: Poisson{1000}, WarmUp: 50 * time.Millisecond, Duration: 300 * time.Millisecond,
				}
				r := run(t, c)
				times, _ := c.Schedule.Times(c.WarmUp+c.Duration, c.Seed)
				if len(r.Requests) != len(times) {
					t.Fatalf("%d rows for %d arrivals", len(r.Requests), len(times))
				}
				for i := range times {
					if r.Requests[i].IntendedNs != times[i] {
						t.Fatalf("row %d was due at %d, not %d", i, r.Requests[i].IntendedNs, times[i])
					}
				}
				if s := r.Summary(); s.OK != s.Requests || s.Adherence <= 0 || r.Lateness.Total() > int64(len(times)) {
					t.Errorf("%d of %d, adherence %g", s.OK, s.Requests, s.Adherence)
				}
				checkRows(t, r, c)
			})
		}
	}
}

// TestOverload offers four times what a server of 10 ms per request can answer
// on two connections: that is slow, but no reason to reject the run, and the
// response times include the wait, as bounds where requests were never sent.
func TestOverload(t *testing.T) {
	addr, _ := misbehaving(t, func(c *net.TCPConn, _ int) bool {
		time.Sleep(10 * time.Millisecond)
		_, err := c.Write([]byte(good))
		return err == nil
	})
	r := run(t, Config{Target: addr, Connections: 2, Mode: Block, BodyLen: 5, Schedule: Fixed{800}, Duration: 500 * time.Millisecond, Timeout: 300 * time.Millisecond, Jitter: -1})
	s := r.Summary()
	if s.Rejected || s.Adherence > .4 || s.Failures["unsent"] == 0 || !slices.Contains(s.Marks, "adherence") || !slices.Contains(s.Response.Bounds, "p99") || !s.MeanBound {
		t.Errorf("adherence %g, rejected %v, failures %v", s.Adherence, s.Rejected, s.Failures)
	}
	if s.Service.P50 > 100e6 || s.Response.P50 < 100e6 {
		t.Errorf("median service time %v, response time %v", time.Duration(s.Service.P50), time.Duration(s.Response.P50))
	}
}

// TestFirstBadResponse: a server that answers 404 or nonsense is quoted.
func TestFirstBadResponse(t *testing.T) {
	for answer, want := range map[string]string{
		"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone": "HTTP/1.1 404 Not Found",
		"SSH-2.0-OpenSSH_9.2\r\n":                                 "SSH-2.0",
	} {
		addr, _ := misbehaving(t, func(c *net.TCPConn, _ int) bool {
			_, err := c.Write([]byte(answer))
			return err == nil
		})
		r := run(t, Config{Target: addr, Connections: 1, Mode: Block, Duration: 100 * time.Millisecond, BodyLen: -1, Jitter: -1, MaxRate: 50000})
		s := r.Summary()
		if text := strings.Join(s.Warnings, "\n"); !s.Rejected || !strings.Contains(text, want) {
			t.Errorf("%q: rejected %v: %s", answer, s.Rejected, text)
		}
	}
}
