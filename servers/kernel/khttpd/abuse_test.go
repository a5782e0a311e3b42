// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crossing/harness/tier"
	"crossing/servers/conformance"
	"crossing/servers/kernel/khttpd/module"
	"crossing/servers/site"
)

// What a server in the kernel must bear. These tests run in the guest.

const addr = "127.0.0.1:8080"

// TestMain makes the guest's loopback as narrow as a real wire: with packets of
// 64 KiB, a small receive buffer holds less than one, and TCP then waits for
// timers.
func TestMain(m *testing.M) {
	if os.Getenv(inGuest) != "" {
		if out, err := exec.Command("ip", "link", "set", "lo", "mtu", "1500").CombinedOutput(); err != nil {
			fmt.Printf("ip link: %v: %s", err, out)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

var siteOnce = sync.OnceValues(func() (string, error) { return site.Generate("/srv") })

// load loads the module with options in addition to the usual ones, and takes
// it out at the test's end.
func load(t *testing.T, options ...string) {
	t.Helper()
	loadFile(t, job("khttpd.ko"), options...)
}

func loadFile(t *testing.T, file string, options ...string) {
	t.Helper()
	root, err := siteOnce()
	must(t, err)
	o := module.Options{"root": root, "addr": "127.0.0.1", "port": "8080"}
	more, err := module.ParseOptions(options)
	must(t, err)
	for k, v := range more {
		o[k] = v
	}
	must(t, module.Load(file, o))
	t.Cleanup(func() { mustf(t, module.Unload(), "unload") })
}

func dial(t *testing.T) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	must(t, err)
	c.SetDeadline(time.Now().Add(60 * time.Second))
	return c.(*net.TCPConn)
}

// fetch gets a file on a connection of its own and compares it.
func fetch(path string) error {
	client := &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://" + addr + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	// Compared as it comes: a body held whole would be this test's memory, not
	// the server's, when memory is short.
	want, _ := site.Body(path)
	part := make([]byte, 32<<10)
	for at := 0; ; {
		n, err := resp.Body.Read(part)
		if at+n > len(want) || !bytes.Equal(part[:n], want[at:at+n]) {
			return fmt.Errorf("%s: other bytes than the file's after byte %d", path, at)
		}
		at += n
		switch {
		case err == io.EOF && at == len(want) && resp.StatusCode == 200:
			return nil
		case err == io.EOF:
			return fmt.Errorf("%s: status %d and %d of %d bytes", path, resp.StatusCode, at, len(want))
		case err != nil:
			return err
		}
	}
}

func counter(t *testing.T, name string) uint64 {
	t.Helper()
	c, err := module.ReadCounters()
	must(t, err)
	n, ok := c[name]
	if !ok {
		t.Fatalf("no counter %s in %v", name, c)
	}
	return n
}

// eventually waits until ok, for a time that no healthy server needs.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 3000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within 30 s: %s", what)
}

func TestConformance(t *testing.T) {
	beGuest(t)
	for _, name := range []string{"khttpd", "khttpd-paper"} {
		t.Run(name, func(t *testing.T) {
			file, err := tier.Read(job(name + tier.Suffix))
			must(t, err)
			kit(t, file.Options, file.Deviations)
		})
	}
	modes := []string{"bound", "unbound"}
	for _, mode := range modes[:times(0, len(modes))] {
		t.Run(mode, func(t *testing.T) { kit(t, map[string]string{"mode": mode}, nil) })
	}
}

// kit holds the module with some options to the whole conformance kit.
func kit(t *testing.T, options, deviations map[string]string) {
	var args []string
	for k, v := range options {
		if !strings.HasPrefix(k, "console") { // not the module's
			args = append(args, k+"="+v)
		}
	}
	load(t, args...)
	server := conformance.At(netip.MustParseAddrPort(addr))
	rows := 0
	err := conformance.Run(context.Background(), server, deviations, func(r conformance.Result) {
		rows++
		if !r.OK() {
			t.Error(r.Problem())
		}
	})
	must(t, err)
	t.Logf("%d rows, %d of them declared to deviate", rows, len(deviations))
}

func TestSelftest(t *testing.T) {
	beGuest(t)
	load(t, "selftest=1")
}

func TestRefusesBadOptions(t *testing.T) {
	beGuest(t)
	root, err := siteOnce()
	must(t, err)
	for _, bad := range []module.Options{
		{"root": "/does/not/exist"},
		{"root": root, "mode": "telepathy"},
		{"root": root, "addr": "localhost"},
		{"root": root, "max_conns": "0"},
		{"root": root, "cpu": "4096"},
		{"root": root, "no_such_option": "1"},
	} {
		if err := module.Load(job("khttpd.ko"), bad); err == nil {
			t.Errorf("%v: loaded", bad)
			must(t, module.Unload())
		}
	}
	l, err := net.Listen("tcp", addr)
	must(t, err)
	defer l.Close()
	if err := module.Load(job("khttpd.ko"), module.Options{"root": root, "addr": "127.0.0.1", "port": "8080"}); err == nil {
		t.Error("loaded with its port taken")
		must(t, module.Unload())
	}
}

// traffic asks for files until it is stopped, whatever becomes of its
// connections, and counts the right answers.
func traffic(n int) (right *atomic.Int64, stop func()) {
	right = new(atomic.Int64)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	paths := []string{"/100", "/16K", "/no-such-file", "/64K", "/0"}
	for i := range n {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
			defer client.CloseIdleConnections()
			for k := i; ctx.Err() == nil; k++ {
				req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+addr+paths[k%len(paths)], nil)
				resp, err := client.Do(req)
				if err != nil {
					time.Sleep(time.Millisecond) // nobody listens just now
					continue
				}
				if _, err := io.Copy(io.Discard, resp.Body); err == nil {
					right.Add(1)
				}
				resp.Body.Close()
			}
		})
	}
	return right, func() { cancel(); wg.Wait() }
}

// slabs returns the number of objects in use, by cache.
func slabs(t *testing.T) map[string]int {
	t.Helper()
	b, err := os.ReadFile("/proc/slabinfo")
	must(t, err)
	used := map[string]int{}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 2 {
			if n, err := strconv.Atoi(f[1]); err == nil {
				used[f[0]] = n
			}
		}
	}
	return used
}

// settle lets the kernel finish what it puts off: closed connections, RCU,
// empty slabs.
func settle() {
	os.WriteFile("/proc/sys/net/ipv4/tcp_fin_timeout", []byte("1"), 0o644)
	time.Sleep(2 * time.Second)
	unix.Sync()
	os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0o644)
	for name := range map[string]bool{"khttpd_conn": true, "TCP": true, "filp": true} {
		os.WriteFile("/sys/kernel/slab/"+name+"/shrink", []byte("1"), 0o200)
	}
}

func TestLoadUnloadUnderTraffic(t *testing.T) {
	beGuest(t)
	root, err := siteOnce()
	must(t, err)
	cycles := times(20, 200)
	modes := []string{"event", "thread", "bound", "unbound"}
	right, stop := traffic(16)
	cycle := func(i int) {
		o := module.Options{"root": root, "addr": "127.0.0.1", "port": "8080", "mode": modes[i%len(modes)]}
		must(t, module.Load(job("khttpd.ko"), o))
		before := right.Load()
		eventually(t, "30 answers", func() bool { return right.Load() >= before+30 })
		must(t, module.Unload())
		if module.Loaded() {
			t.Fatal("unloaded, and still there")
		}
	}
	for i := range len(modes) { // so that caches are warm when the first look is taken
		cycle(i)
	}
	settle()
	before := slabs(t)
	for i := range cycles {
		cycle(i)
	}
	stop()
	settle()
	after := slabs(t)
	if n, ok := after["khttpd_conn"]; ok {
		t.Errorf("the cache khttpd_conn is still there, with %d objects", n)
	}
	// Objects per cycle that would be a leak: each cycle has 16 connections or
	// more, so one of anything leaked per connection shows as 16.
	for _, name := range []string{"TCP", "sock_inode_cache", "filp", "request_sock_TCP", "task_struct", "net_namespace", "kmalloc-4k", "kmalloc-8k", "kmalloc-2k"} {
		if grown := after[name] - before[name]; grown > cycles*2+64 {
			t.Errorf("%s grew by %d objects in %d cycles: %d to %d", name, grown, cycles, before[name], after[name])
		} else {
			t.Logf("%-18s %6d → %6d", name, before[name], after[name])
		}
	}
	t.Logf("%d cycles, %d answers", cycles, right.Load())
}

func TestManyConnections(t *testing.T) {
	beGuest(t)
	n := times(300, 1000)
	for _, mode := range []string{"event", "thread"} {
		t.Run(mode, func(t *testing.T) {
			load(t, "mode="+mode)
			conns := make([]*net.TCPConn, n)
			for i := range conns {
				conns[i] = dial(t)
				defer conns[i].Close()
			}
			want, _ := site.Body("/100")
			for round := range 2 {
				for _, c := range conns {
					_, err := io.WriteString(c, "GET /100 HTTP/1.1\r\nHost: a\r\n\r\n")
					must(t, err)
				}
				for i, c := range conns {
					if err := answer(c, want); err != nil {
						t.Fatalf("round %d, connection %d: %v", round, i, err)
					}
				}
			}
			if open := counter(t, "accepted") - counter(t, "released"); open != uint64(n) {
				t.Errorf("%d connections are open, want %d", open, n)
			}
		})
	}
}

// answer reads one response with its body.
func answer(r io.Reader, want []byte) error {
	var head []byte
	b := make([]byte, 1)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if _, err := io.ReadFull(r, b); err != nil {
			return fmt.Errorf("after %q: %w", head, err)
		}
		head = append(head, b[0])
	}
	body := make([]byte, len(want))
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) || !bytes.Equal(body, want) {
		return fmt.Errorf("wrong answer: %q", head)
	}
	return nil
}

func TestConnectionLimit(t *testing.T) {
	beGuest(t)
	load(t, "max_conns=10")
	for range 30 {
		c := dial(t)
		defer c.Close()
	}
	eventually(t, "20 refused", func() bool { return counter(t, "refused") == 20 })
	if n := counter(t, "accepted"); n != 10 {
		t.Errorf("%d accepted, want 10", n)
	}
}

func TestSlowClients(t *testing.T) {
	beGuest(t)
	for _, mode := range []string{"event", "thread"} {
		t.Run(mode, func(t *testing.T) {
			load(t, "mode="+mode, "idle_secs=3")
			// Readers that take nothing, writers that never finish.
			for i := range 40 {
				c := dial(t)
				defer c.Close()
				c.SetReadBuffer(4 << 10)
				request := "GET /64M HTTP/1.1\r\nHost: a\r\n\r\n"
				if i%2 == 1 {
					request = request[:len(request)-2]
				}
				_, err := io.WriteString(c, request)
				must(t, err)
			}
			for range 20 {
				must(t, fetch("/64K"))
			}
			eventually(t, "40 time-outs", func() bool { return counter(t, "timeouts") == 40 })
			must(t, fetch("/100"))
		})
	}
}

// TestAcceptSlowerThanIdleLimit: the reaper must not release a connection that
// is not served yet. (It did, and the accepting work then used freed memory.)
func TestAcceptSlowerThanIdleLimit(t *testing.T) {
	beGuest(t)
	for _, mode := range []string{"event", "thread", "unbound"} {
		t.Run(mode, func(t *testing.T) {
			loadFile(t, job("slow/khttpd.ko"), "mode="+mode, "idle_secs=1")
			must(t, fetch("/100"))
		})
	}
}

// TestLongestIdleLimit: the deadline of idle_secs must not overflow 32 bits.
func TestLongestIdleLimit(t *testing.T) {
	beGuest(t)
	load(t, "idle_secs=17179870") // 2^32 / 250 Hz, rounded up
	c := dial(t)
	defer c.Close()
	time.Sleep(3 * time.Second)
	want, _ := site.Body("/100")
	_, err := io.WriteString(c, "GET /100 HTTP/1.1\r\nHost: a\r\n\r\n")
	must(t, err)
	must(t, answer(c, want))
}

func TestResetAtAnyPoint(t *testing.T) {
	beGuest(t)
	request := "GET /1M HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, mode := range []string{"event", "thread"} {
		t.Run(mode, func(t *testing.T) {
			load(t, "mode="+mode)
			rng := rand.New(rand.NewPCG(1, 2))
			for i := range times(100, 1000) {
				c := dial(t)
				c.SetReadBuffer(8 << 10)
				sent := rng.IntN(3*len(request)) + 1
				io.WriteString(c, strings.Repeat(request, 3)[:sent])
				if i%2 == 0 && sent >= len(request) {
					io.CopyN(io.Discard, c, rng.Int64N(200_000))
				}
				c.SetLinger(0)
				c.Close()
			}
			must(t, fetch("/1M"))
			eventually(t, "all connections released", func() bool {
				return counter(t, "accepted") == counter(t, "released")
			})
		})
	}
}

func TestFileChangesWhileSent(t *testing.T) {
	beGuest(t)
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, 0o755))
	file := filepath.Join(dir, "f")
	const size = 32 << 20
	write := func(name string, b byte) { must(t, os.WriteFile(name, bytes.Repeat([]byte{b}, size), 0o644)) }
	open := func(t *testing.T) *net.TCPConn {
		c := dial(t)
		c.SetReadBuffer(8 << 10)
		_, err := io.WriteString(c, "GET /f HTTP/1.1\r\nHost: a\r\n\r\n")
		must(t, err)
		_, err = io.ReadFull(c, make([]byte, 1000))
		must(t, err)
		return c
	}
	load(t, "root="+dir)
	t.Run("truncated", func(t *testing.T) {
		write(file, 'a')
		c := open(t)
		defer c.Close()
		must(t, os.Truncate(file, 1000))
		n, err := io.Copy(io.Discard, c)
		if n >= size || err != nil && !errors.Is(err, unix.ECONNRESET) {
			t.Errorf("%d bytes, %v; want fewer than the file had, and the end", n, err)
		}
		if counter(t, "truncated") != 1 {
			t.Error("the truncation was not counted")
		}
	})
	t.Run("replaced", func(t *testing.T) {
		write(file, 'a')
		c := open(t)
		defer c.Close()
		write(file+".new", 'b')
		must(t, os.Rename(file+".new", file))
		rest := make([]byte, size-1000)
		_, err := io.ReadFull(c, rest)
		must(t, err)
		if bytes.IndexByte(rest, 'b') >= 0 {
			t.Error("bytes of the new file in the answer that began with the old one")
		}
	})
	t.Run("removed", func(t *testing.T) {
		write(file, 'a')
		c := open(t)
		defer c.Close()
		must(t, os.Remove(file))
		_, err := io.ReadFull(c, make([]byte, size-1000))
		must(t, err)
	})
	t.Run("growing", func(t *testing.T) {
		must(t, os.WriteFile(file, []byte("short"), 0o644))
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		defer f.Close()
		for range 200 {
			_, err := f.Write(bytes.Repeat([]byte{'c'}, 100))
			must(t, err)
			resp, err := http.Get("http://" + addr + "/f")
			must(t, err)
			n, err := io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || n != resp.ContentLength {
				t.Fatalf("%d bytes of %d: %v", n, resp.ContentLength, err)
			}
		}
	})
}

func TestOnlyWhatOthersMayRead(t *testing.T) {
	beGuest(t)
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "private"), []byte("x"), 0o600))
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o666))
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "absolute")))
	must(t, os.Symlink("../../../../etc/passwd", filepath.Join(dir, "relative")))
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	must(t, os.WriteFile(filepath.Join(dir, "open"), []byte("x"), 0o644))
	must(t, os.Symlink("open", filepath.Join(dir, "inside")))
	proc := filepath.Join(dir, "proc")
	must(t, os.Mkdir(proc, 0o755))
	must(t, unix.Mount("proc", proc, "proc", 0, ""))
	t.Cleanup(func() { unix.Unmount(proc, unix.MNT_DETACH) })
	load(t, "root="+dir)
	for path, want := range map[string]int{
		// Magic links lead out of any root; the module's own is the machine's.
		"/proc/self/root/etc/passwd": 403, "/proc/thread-self/root/etc/passwd": 403, "/proc/self/cwd/etc/passwd": 403,
		"/private": 403, "/pipe": 403, "/absolute": 404, "/relative": 404, "/loop": 403,
		"/open": 200, "/inside": 200, "/../open": 400, "/x/../open": 200,
	} {
		c := dial(t)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path)
		b, err := io.ReadAll(c)
		must(t, err)
		if !bytes.HasPrefix(b, fmt.Appendf(nil, "HTTP/1.1 %d ", want)) {
			t.Errorf("%s: %.40q, want %d", path, b, want)
		}
		c.Close()
	}
}

// TestRequests: what RFC 9110 and RFC 9112 demand of requests that few clients
// send. A "+" is a further response on the same connection; "closed" is the end.
func TestRequests(t *testing.T) {
	beGuest(t)
	load(t)
	const next = "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n"
	chunked := "GET /0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct{ name, in, want string }{
		{"chunked", chunked + "3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: x\r\n\r\n" + next, "200+200"},
		{"chunked POST", "POST /0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, "405+200"},
		{"invalid chunk size", chunked + "x\r\n" + next, "200 closed"},
		{"bare LF after chunk size", chunked + "0\n\r\n" + next, "200 closed"},
		{"no CRLF after chunk", chunked + "1\r\nabc" + next, "200 closed"},
		{"chunk size too large", chunked + "1000000000000000\r\n" + next, "200 closed"},
		{"NUL in chunk extension", chunked + "0;\x00\r\n\r\n" + next, "200 closed"},
		{"unknown coding", "GET /0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + next, "501 closed"},
		{"If-None-Match: *", "GET /100 HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n" + next, "304+200"},
		{"If-Match", "GET /100 HTTP/1.1\r\nHost: a\r\nIf-Match: \"zz\"\r\n\r\n" + next, "412+200"},
		{"If-Match: *", "GET /0 HTTP/1.1\r\nHost: a\r\nIf-Match: *\r\n\r\n" + next, "200+200"},
		{"If-None-Match of a missing file", "GET /no HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n" + next, "404+200"},
		{"Host with a port name", "GET /0 HTTP/1.1\r\nHost: a:b\r\n\r\n" + next, "400 closed"},
		{"userinfo in the target", "GET http://u@a/0 HTTP/1.1\r\nHost: a\r\n\r\n" + next, "400+200"},
		{"Expect without content", "GET /0 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n" + next, "200+200"},
		{"Expect in HTTP/1.0", "GET /0 HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab" + next, "200+200"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t)
			defer conn.Close()
			_, err := io.WriteString(conn, c.in)
			must(t, err)
			r := bufio.NewReader(conn)
			got := ""
			for strings.Count(got, "+") < 1 {
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					got += " closed"
					break
				}
				_, err = io.Copy(io.Discard, resp.Body)
				must(t, err)
				if got != "" {
					got += "+"
				}
				got += strconv.Itoa(resp.StatusCode)
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	t.Run("HEAD of a target that is too long", func(t *testing.T) {
		conn := dial(t)
		defer conn.Close()
		_, err := io.WriteString(conn, "HEAD /"+strings.Repeat("a", 9000)+" HTTP/1.1\r\n")
		must(t, err)
		b, err := io.ReadAll(conn)
		must(t, err)
		if !bytes.HasPrefix(b, []byte("HTTP/1.1 414 ")) || !bytes.HasSuffix(b, []byte("\r\n\r\n")) {
			t.Errorf("got %q, want 414 without a body", b)
		}
	})
}

func TestMemoryPressure(t *testing.T) {
	beGuest(t)
	for _, c := range []struct {
		options []string
		large   int // downloads of 64 MiB at once, as large as what is left
	}{
		{[]string{"mode=event"}, 16},
		// Files read whole take whatever memory there is, and the kernel then
		// kills processes for more: no large ones here.
		{[]string{"mode=thread", "read_whole=1"}, 0},
	} {
		t.Run(strings.Join(c.options, ","), func(t *testing.T) {
			load(t, c.options...)
			must(t, fetch("/100"))
			free := fillMemory(t, 96<<20)
			right, stop := traffic(32)
			var wg sync.WaitGroup
			for range c.large {
				wg.Go(func() { fetch("/64M") }) // may fail; the kernel may not
			}
			wg.Wait()
			before := right.Load()
			eventually(t, "answers under pressure", func() bool { return right.Load() > before+20 })
			stop()
			free()
			must(t, fetch("/1M"))
		})
	}
}

// fillMemory leaves so many bytes available, until free is called. What it
// takes cannot be reclaimed: the guest has no swap.
func fillMemory(t *testing.T, leave int64) (free func()) {
	t.Helper()
	dir := "/dev/shm/ballast"
	must(t, os.MkdirAll(dir, 0o755))
	must(t, unix.Mount("ballast", dir, "tmpfs", 0, "size=100%"))
	free = sync.OnceFunc(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	t.Cleanup(free)
	f, err := os.Create(dir + "/f")
	must(t, err)
	defer f.Close()
	if take := available(t) - leave; take > 0 {
		must(t, unix.Fallocate(int(f.Fd()), 0, 0, take))
	}
	t.Logf("%d MiB available", available(t)>>20)
	return free
}

func available(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/meminfo")
	must(t, err)
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemAvailable:" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			must(t, err)
			return n << 10
		}
	}
	t.Fatal("no MemAvailable in /proc/meminfo")
	return 0
}

func TestServedDirectoryUnmounted(t *testing.T) {
	beGuest(t)
	dir := "/mnt/served"
	must(t, os.MkdirAll(dir, 0o755))
	must(t, unix.Mount("served", dir, "tmpfs", 0, ""))
	must(t, os.WriteFile(dir+"/100", bytes.Repeat([]byte{'x'}, 100), 0o644))
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	load(t, "root="+dir)
	_, stop := traffic(8)
	defer stop()
	time.Sleep(50 * time.Millisecond)
	if err := unix.Unmount(dir, 0); !errors.Is(err, unix.EBUSY) {
		t.Errorf("unmount = %v while it is served, want EBUSY", err)
	}
	must(t, unix.Unmount(dir, unix.MNT_DETACH))
	time.Sleep(50 * time.Millisecond)
	resp, err := http.Get("http://" + addr + "/100")
	must(t, err)
	resp.Body.Close()
	t.Logf("detached: status %d", resp.StatusCode)
}

// TestNamespaceGone unloads after the network namespace that the module
// listened in has lost its last process.
func TestNamespaceGone(t *testing.T) {
	beGuest(t)
	root, err := siteOnce()
	must(t, err)
	script := fmt.Sprintf("ip link set lo up && insmod %s root=%s port=8080 && curl -sf -o /dev/null http://127.0.0.1:8080/100", job("khttpd.ko"), root)
	out, err := exec.Command("unshare", "-n", "sh", "-c", script).CombinedOutput()
	mustf(t, err, "%s", out)
	time.Sleep(200 * time.Millisecond)
	must(t, module.Unload())
}

// TestLeaks is the last: with a kernel that has kmemleak it asks for leaks.
func TestLeaks(t *testing.T) {
	beGuest(t)
	const file = "/sys/kernel/debug/kmemleak"
	if _, err := os.Stat(file); err != nil {
		t.Skip("this kernel has no kmemleak")
	}
	settle()
	for range 2 { // the first scan only marks
		must(t, os.WriteFile(file, []byte("scan"), 0o644))
		time.Sleep(6 * time.Second) // younger objects are not reported
	}
	b, err := os.ReadFile(file)
	must(t, err)
	if len(bytes.TrimSpace(b)) > 0 {
		t.Errorf("kmemleak:\n%s", b)
	}
}
