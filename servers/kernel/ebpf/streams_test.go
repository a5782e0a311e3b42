// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"crossing/servers/site"
)

// steered is set in the process that runs in a network namespace of its own.
const steered = "EBPF_STEERED"

// TestStreams runs TestStream in a network namespace whose loopback steers
// receive work to all CPUs, as a network card does: only then do the programs
// of different connections interrupt each other. Its packets are as short as on
// Ethernet, so that a small receive buffer holds more than one.
func TestStreams(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a network namespace takes root")
	}
	sys := t.TempDir()
	script := fmt.Sprintf(`set -e
mount --make-rprivate /
mount -t sysfs sysfs %[1]s
ip link set lo up mtu 1500
echo %[2]x >%[1]s/class/net/lo/queues/rx-0/rps_cpus
exec "$0" -test.run '^TestStream$' -test.v`, sys, 1<<runtime.NumCPU()-1)
	cmd := exec.Command("unshare", "--net", "--mount", "sh", "-c", script, os.Args[0])
	cmd.Env = append(os.Environ(), steered+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// TestStream compares every byte of what clients receive.
func TestStream(t *testing.T) {
	if os.Getenv(steered) == "" {
		t.Skip("runs in a network namespace, from TestStreams")
	}
	counters := filepath.Join(t.TempDir(), "counters.json")
	_, addr := server(t, "EBPF_TIMEOUT=1s", "EBPF_COUNTERS="+counters)

	t.Run("different files at once", func(t *testing.T) {
		var clients sync.WaitGroup
		for i := range 16 {
			path := []string{"/0", "/100", "/1K", "/16K"}[i%4]
			clients.Go(func() {
				c := open(t, addr, 0)
				defer c.Close()
				r := bufio.NewReaderSize(c, 64<<10)
				for end := time.Now().Add(4 * time.Second); time.Now().Before(end); {
					fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
					if err := right(r, path); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		clients.Wait()
	})

	t.Run("pipelined in own segments, slow reader", func(t *testing.T) {
		for round := range 40 {
			paths := []string{"/16K", "/1K", "/16K", "/100", "/16K", "/64K"}
			c := open(t, addr, 2048)
			go func() {
				for range 10 {
					for _, p := range paths {
						fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", p)
					}
				}
			}()
			time.Sleep(time.Duration(round%5) * time.Millisecond)
			r := bufio.NewReaderSize(c, 512)
			for i := range 10 * len(paths) {
				if err := right(r, paths[i%len(paths)]); err != nil {
					t.Fatalf("round %d, response %d: %v", round, i, err)
				}
			}
			c.Close()
		}
	})

	t.Run("half-closed at once", func(t *testing.T) {
		for i := range 400 {
			path := []string{"/0", "/100", "/16K", "/64K"}[i%4]
			c := open(t, addr, 0)
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
			_ = c.CloseWrite()
			r := bufio.NewReader(c)
			if err := right(r, path); err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
			if _, err := r.ReadByte(); err != io.EOF {
				t.Fatalf("connection %d: %v after the response, want the end of stream", i, err)
			}
			c.Close()
		}
	})

	// The server's time limits are one second here.
	t.Run("busy for longer than the time limit", func(t *testing.T) {
		c := open(t, addr, 0)
		defer c.Close()
		r := bufio.NewReader(c)
		for i := range 20 {
			fmt.Fprintf(c, "GET /100 HTTP/1.1\r\nHost: x\r\n\r\n")
			if err := right(r, "/100"); err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			time.Sleep(200 * time.Millisecond)
		}
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("%v on an idle connection, want the end of stream", err)
		}
	})

	t.Run("not for others to read", func(t *testing.T) {
		for _, field := range []string{"", "Accept: */*\r\n"} {
			c := open(t, addr, 0)
			fmt.Fprintf(c, "GET /private HTTP/1.1\r\nHost: x\r\n%s\r\n", field)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || resp.StatusCode != http.StatusForbidden {
				t.Errorf("%v, %v; want 403", resp, err)
			}
			c.Close()
		}
	})

	// Whatever form the request has: the kernel serves the one, net/http the other.
	t.Run("one response per URL", func(t *testing.T) {
		for _, path := range []string{"/index.html", "/100"} {
			var seen []string
			for _, field := range []string{"", "Accept: */*\r\n"} {
				c := open(t, addr, 0)
				fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, field)
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, fmt.Sprint(resp.StatusCode, resp.Header["Content-Type"], resp.Header["Location"]))
				c.Close()
			}
			if seen[0] != seen[1] {
				t.Errorf("%s: %v", path, seen)
			}
		}
	})

	t.Run("counted exactly", func(t *testing.T) {
		const written = 1200 * time.Millisecond // the counters are written each second
		time.Sleep(written)
		before := count(t, counters)
		var clients sync.WaitGroup
		const conns, each = 8, 500
		for i := range conns {
			clients.Go(func() {
				c := open(t, addr, 0)
				defer c.Close()
				r := bufio.NewReader(c)
				for k := range each {
					field := []string{"", "Accept: */*\r\n"}[(i+k)%2]
					fmt.Fprintf(c, "GET /100 HTTP/1.1\r\nHost: x\r\n%s\r\n", field)
					if err := right(r, "/100"); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		clients.Wait()
		time.Sleep(written)
		after := count(t, counters)
		if got := after["kernel"] + after["user"] - before["kernel"] - before["user"]; got != conns*each || after["lost"] != 0 {
			t.Errorf("%d responses counted, want %d; %v", got, conns*each, after)
		}
		if after["kernel"] == before["kernel"] || after["user"] == before["user"] {
			t.Errorf("one of both did not respond at all: %v", after)
		}
	})
}

func open(t *testing.T, addr string, receiveBuffer int) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		t.FailNow()
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if receiveBuffer > 0 {
		_ = c.(*net.TCPConn).SetReadBuffer(receiveBuffer)
	}
	return c.(*net.TCPConn)
}

// right reads a response and compares it with the file at path.
func right(r *bufio.Reader, path string) error {
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	body, err := io.ReadAll(resp.Body)
	want, _ := site.Body(path)
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(body, want) {
		return fmt.Errorf("%s: status %d, %d bytes of %d, %v", path, resp.StatusCode, len(body), len(want), err)
	}
	return nil
}

func count(t *testing.T, file string) map[string]int64 {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]int64
	if err := json.Unmarshal([]byte(strings.TrimSpace(string(b))), &c); err != nil {
		t.Fatal(err)
	}
	return c
}
