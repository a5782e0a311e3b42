// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"crossing/servers/site"
)

func TestMain(m *testing.M) {
	if os.Getenv("EBPF_SERVER") != "" {
		if limit, err := time.ParseDuration(os.Getenv("EBPF_TIMEOUT")); err == nil {
			tune = func(s *http.Server) { s.ReadHeaderTimeout, s.IdleTimeout = limit, limit }
		}
		os.Args = append(os.Args[:1], strings.Fields(os.Getenv("EBPF_SERVER"))...)
		main()
		return
	}
	os.Exit(m.Run())
}

// inKernel lists the programs and maps of this tier that the kernel holds.
func inKernel(t *testing.T) map[string]bool {
	t.Helper()
	ours := map[string]bool{}
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			t.Skipf("listing programs: %v", err)
		}
		if p, err := ebpf.NewProgramFromID(next); err == nil {
			if info, err := p.Info(); err == nil {
				switch info.Name {
				case "verdict", "respond", "established":
					ours[fmt.Sprint("program ", next)] = true
				}
			}
			p.Close()
		}
		id = next
	}
	for id := ebpf.MapID(0); ; {
		next, err := ebpf.MapGetNextID(id)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if m, err := ebpf.NewMapFromID(next); err == nil {
			if info, err := m.Info(); err == nil {
				switch info.Name {
				case "responses", "conns", "states", "taken", "paths", "cookies":
					ours[fmt.Sprint("map ", next)] = true
				}
			}
			m.Close()
		}
		id = next
	}
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/crossing-*")
	more, _ := filepath.Glob("/sys/fs/cgroup/crossing-*")
	for _, g := range append(groups, more...) {
		if procs, _ := os.ReadFile(filepath.Join(g, "cgroup.procs")); len(procs) > 0 {
			ours["cgroup "+g] = true
		}
	}
	return ours
}

// server starts this tier as a process of its own.
func server(t *testing.T, env ...string) (*exec.Cmd, string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loading BPF programs takes root")
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	root, err := site.Generate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "private"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	args := "--listen " + addr + " --root " + root
	for _, e := range env {
		if file, ok := strings.CutPrefix(e, "EBPF_COUNTERS="); ok {
			args += " --counters " + file
		}
	}
	cmd.Env = append(append(os.Environ(), env...), "EBPF_SERVER="+args)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return cmd, addr
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if s := log.String(); strings.Contains(s, "this tier needs") || strings.Contains(s, "no cgroup v2") {
				t.Skip(s)
			}
			t.Fatalf("no server: %s", log.String())
		}
	}
}

// TestNothingIsLeft ends the server with connections open, by SIGTERM and by
// SIGKILL: its programs and maps are freed, and no process is in its cgroup.
func TestNothingIsLeft(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		before := inKernel(t)
		cmd, addr := server(t)
		for range 10 {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "GET /100 HTTP/1.1\r\nHost: x\r\n\r\n")
			if _, err := io.ReadFull(c, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
		}
		if during := inKernel(t); len(during) <= len(before) {
			t.Error("the running server's programs are not found: this test could not fail")
		}
		_ = cmd.Process.Signal(s)
		_ = cmd.Wait()
		var left []string
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			left = left[:0]
			for what := range inKernel(t) {
				if !before[what] {
					left = append(left, what)
				}
			}
			if len(left) == 0 {
				break
			}
		}
		if len(left) > 0 {
			t.Errorf("after %v the kernel still has %v", s, left)
		}
	}
}

// TestByteByByte sends requests byte by byte, faster than user space reads them:
// the kernel must notify it of every one. (Behind a stream parser one connection
// in twenty stalled.)
func TestByteByByte(t *testing.T) {
	_, addr := server(t)
	for i := range 200 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []byte("GET /100 HTTP/1.1\r\nHost: x\r\n\r\n") {
			if _, err := c.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Microsecond)
		}
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(c, make([]byte, 200)); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		c.Close()
	}
}

// TestDateAdvances: the Date of the kernel's responses is the current one.
func TestDateAdvances(t *testing.T) {
	_, addr := server(t)
	var dates []time.Time
	for range 2 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET /0 HTTP/1.1\r\nHost: x\r\n\r\n")
		b := make([]byte, 256)
		n, _ := c.Read(b)
		c.Close()
		_, rest, _ := strings.Cut(string(b[:n]), "Date: ")
		line, _, _ := strings.Cut(rest, "\r\n")
		date, err := http.ParseTime(line)
		if err != nil {
			t.Fatalf("%q: %v", b[:n], err)
		}
		dates = append(dates, date)
		time.Sleep(2100 * time.Millisecond)
	}
	if !dates[1].After(dates[0]) || time.Since(dates[1]) > 10*time.Second {
		t.Errorf("dates %v", dates)
	}
}

func TestWithoutPrivilege(t *testing.T) {
	root := t.TempDir()
	cmd := exec.Command("setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", os.Args[0])
	cmd.Env = append(os.Environ(), "EBPF_SERVER=--listen 127.0.0.1:0 --root "+root)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "root") {
		t.Errorf("%v: %s", err, out)
	}
}
