// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test program is also what it tests, and the clients in the namespace:
// it starts itself in these roles.
func TestMain(m *testing.M) {
	switch role := os.Getenv("DPDK_TEST_ROLE"); role {
	case "":
		os.Exit(m.Run())
	case "server":
		main()
	case "many":
		exit(many(os.Args[1]))
	case "flood":
		exit(flood(os.Args[1]))
	case "hash":
		exit(hash(os.Args[1]))
	case "each":
		exit(each(os.Args[1], os.Args[2]))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const addr = "10.77.0.3:80"

// A bench is a veth pair between two namespaces and a document root.
type bed struct {
	t              *testing.T
	server, client int // processes that hold the namespaces
	root           string
}

// direct joins both namespaces by one veth pair.
func direct(b *bed) []string {
	return []string{fmt.Sprintf("ip link add ts0 netns %d type veth peer name tc0 netns %d", b.server, b.client)}
}

// newBed makes a bed with a wire, which is a list of commands that bring ts0
// into the server's namespace and tc0 into the client's.
func newBed(t *testing.T, wire func(*bed) []string) *bed {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces and ports need root")
	}
	b := &bed{t: t, root: t.TempDir()}
	for _, pid := range []*int{&b.server, &b.client} {
		c := exec.Command("sleep", "infinity")
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
		if err := c.Start(); err != nil {
			t.Skip("no network namespaces here:", err)
		}
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
		*pid = c.Process.Pid
	}
	for _, line := range append(wire(b),
		fmt.Sprintf("nsenter -t %d -n ip link set ts0 up", b.server),
		fmt.Sprintf("nsenter -t %d -n ip addr add 10.77.0.2/24 dev tc0", b.client),
		fmt.Sprintf("nsenter -t %d -n ip link set tc0 up", b.client),
		fmt.Sprintf("nsenter -t %d -n ip link set lo up", b.server),
		// Frames as they would be on a wire.
		fmt.Sprintf("nsenter -t %d -n ethtool -K tc0 tx off tso off gso off", b.client),
		fmt.Sprintf("nsenter -t %d -n sysctl -qw net.ipv4.tcp_congestion_control=reno net.ipv4.ip_local_port_range='1024 65000'", b.client),
	) {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	for name, n := range map[string]int{"100": 100, "1M": 1 << 20, "8M": 8 << 20} {
		body := make([]byte, n)
		r := rand.New(rand.NewPCG(uint64(n), 0))
		for i := range body {
			body[i] = byte(r.Uint32())
		}
		if err := os.WriteFile(filepath.Join(b.root, name), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// in returns a command in a namespace; with a role, this program itself.
func (b *bed) in(pid int, role string, argv ...string) *exec.Cmd {
	if role != "" {
		argv = append([]string{"/proc/self/exe"}, argv...)
		if exe, err := os.Executable(); err == nil {
			argv[0] = exe
		}
	}
	c := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(pid), "-n"}, argv...)...)
	c.Env = append(os.Environ(), "DPDK_TEST_ROLE="+role)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

// serve starts the server and waits until it says that it serves.
func (b *bed) serve(port string, arg ...string) *running {
	r := &running{t: b.t, c: b.in(b.server, "server", append([]string{"--port", port, "--listen", addr, "--root", b.root}, arg...)...)}
	out, err := r.c.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	r.c.Stderr = &r.errs
	if err := r.c.Start(); err != nil {
		b.t.Fatal(err)
	}
	serving := make(chan bool, 1)
	r.done.Go(func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			r.mu.Lock()
			r.said = append(r.said, s.Text())
			r.mu.Unlock()
			if strings.Contains(s.Text(), "serving") {
				serving <- true
			}
		}
		serving <- false
	})
	select {
	case ok := <-serving:
		if !ok {
			r.c.Wait()
			b.t.Fatalf("it did not start: %s", r.errs.String())
		}
	case <-time.After(30 * time.Second):
		b.t.Fatal("it did not start within 30 s")
	}
	return r
}

type running struct {
	t    *testing.T
	c    *exec.Cmd
	errs bytes.Buffer
	mu   sync.Mutex
	said []string
	done sync.WaitGroup
}

// stop ends the server as its user would, and returns its last words.
func (r *running) stop(s os.Signal) string {
	r.c.Process.Signal(s)
	r.done.Wait()
	if err := r.c.Wait(); err != nil && s != syscall.SIGKILL {
		r.t.Errorf("it ended with %v: %s", err, r.errs.String())
	}
	return strings.Join(r.said, "\n")
}

// patience is how long a client may take: of virtual time in a guest, where a
// bad wire is.
var patience = map[bool]time.Duration{false: 40 * time.Second, true: 20 * time.Minute}[os.Getenv(inGuest) != ""]

// ask runs a client and fails if it does.
func (b *bed) ask(role string, argv ...string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := b.in(b.client, role, argv...)
	stop := context.AfterFunc(ctx, func() { c.Process.Kill() })
	defer stop()
	out, err := c.CombinedOutput()
	if err != nil {
		b.t.Errorf("%s %s: %v: %s", role, strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// TestJumboFrames: where both ends have an MTU of 9000 the responses use it, and
// where the path does not, they do not.
func TestJumboFrames(t *testing.T) {
	for _, c := range []struct{ server, client int }{{9000, 9000}, {9000, 1500}, {1500, 9000}} {
		t.Run(fmt.Sprintf("server %d, client %d", c.server, c.client), func(t *testing.T) {
			b := newBed(t, direct)
			for _, end := range []struct {
				pid, mtu int
				link     string
			}{{b.server, c.server, "ts0"}, {b.client, c.client, "tc0"}} {
				if out, err := b.in(end.pid, "", "ip", "link", "set", end.link, "mtu", strconv.Itoa(end.mtu)).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			s := b.serve("af_packet:ts0")
			want, err := os.ReadFile(filepath.Join(b.root, "8M"))
			if err != nil {
				t.Fatal(err)
			}
			if got := b.ask("hash", "/8M"); got != fmt.Sprintf("%x", sha256.Sum256(want)) {
				t.Errorf("8M: hash %s", got)
			}
			var sent int
			last := s.stop(syscall.SIGTERM)
			if _, after, ok := strings.Cut(last, " FramesOut:"); ok {
				fmt.Sscan(after, &sent)
			}
			mss := min(c.server, c.client) - 40 - 12
			if least := len(want) / mss; sent < least || sent > least*5/4 {
				t.Errorf("%d frames for %d bytes, want about %d of %d bytes each: %s", sent, len(want), least, mss, last)
			}
		})
	}
}

func TestOnPorts(t *testing.T) {
	b := newBed(t, direct)
	for _, kind := range []string{"af_packet", "af_xdp"} {
		t.Run(kind, func(t *testing.T) {
			b.t = t
			s := b.serve(kind + ":ts0")
			for name, argv := range map[string][]string{
				"curl":   {"curl", "-sS", "--fail", "-o", "/dev/null", "http://" + addr + "/100", "-o", "/dev/null", "http://" + addr + "/1M"},
				"wrk":    {"wrk", "-t1", "-c16", "-d1", "http://" + addr + "/100"},
				"ab":     {"ab", "-q", "-n", "2000", "-c", "8", "http://" + addr + "/100"},
				"ab -k":  {"ab", "-q", "-k", "-n", "2000", "-c", "8", "http://" + addr + "/100"},
				"h2load": {"h2load", "--h1", "-n", "2000", "-c", "8", "http://" + addr + "/100"},
				"python": {"python3", "-c", "import urllib.request as u; assert len(u.urlopen('http://" + addr + "/1M').read()) == 1<<20"},
			} {
				t.Run(name, func(t *testing.T) {
					if _, err := exec.LookPath(argv[0]); err != nil {
						t.Skip(argv[0], "is not installed")
					}
					b.t = t
					out := b.ask("", argv...)
					for _, bad := range []string{"Non-2xx", "Socket errors", "Failed requests:        1", "2000 failed"} {
						if strings.Contains(out, bad) {
							t.Error(out)
						}
					}
				})
			}
			b.t = t
			want, err := os.ReadFile(filepath.Join(b.root, "8M"))
			if err != nil {
				t.Fatal(err)
			}
			if got := b.ask("hash", "/8M"); got != fmt.Sprintf("%x", sha256.Sum256(want)) {
				t.Errorf("8M: hash %s", got)
			}
			// Killed without a chance to clean up, it must start again.
			s.stop(syscall.SIGKILL)
			s = b.serve(kind + ":ts0")
			b.ask("hash", "/100")
			if kind == "af_packet" {
				b.ask("many", "10000")
			} else {
				flood := b.in(b.client, "flood", "2s")
				if err := flood.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(300 * time.Millisecond)
				for range 20 {
					b.ask("hash", "/100")
				}
				if err := flood.Wait(); err != nil {
					t.Error(err)
				}
			}
			last := s.stop(syscall.SIGTERM)
			t.Log(last)
			if free, all := buffers(t, last); free[0] != free[1] {
				t.Errorf("buffers free at the start and the end: %v of %d", free, all)
			}
		})
	}
}

// many holds n connections open and asks twice on each.
func many(count string) error {
	n, _ := strconv.Atoi(count)
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err == nil {
		lim.Cur = lim.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &lim)
		if lim.Cur < uint64(n)+100 {
			n = int(lim.Cur) - 100
		}
	}
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.DialTimeout("tcp", addr, 5*time.Second)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		conns[i] = c
	}
	for range 2 {
		for i, c := range conns {
			c.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.WriteString(c, "GET /100 HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
				return fmt.Errorf("connection %d: %w", i, err)
			}
		}
		for i, c := range conns {
			r, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				return fmt.Errorf("connection %d: %w", i, err)
			}
			if b, err := io.ReadAll(r.Body); err != nil || len(b) != 100 {
				return fmt.Errorf("connection %d: %d bytes, %w", i, len(b), err)
			}
		}
	}
	return nil
}

// hash fetches a path and prints the hash of the body.
func hash(path string) error {
	sum, err := fetch(path)
	fmt.Print(sum)
	return err
}

// fetch returns the hash of the body of a path, on a connection of its own.
func fetch(path string) (string, error) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + addr + path)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	h := sha256.New()
	_, err = io.Copy(h, r.Body)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// each fetches a path on so many connections at once and prints the hashes
// that came out, each once.
func each(count, path string) error {
	n, _ := strconv.Atoi(count)
	sums, errs := make([]string, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { sums[i], errs[i] = fetch(path) })
	}
	all.Wait()
	slices.Sort(sums)
	fmt.Print(strings.Join(slices.Compact(sums), " "))
	return errors.Join(errs...)
}

// flood sends SYNs from made-up addresses as fast as it can.
func flood(how string) error {
	d, err := time.ParseDuration(how)
	if err != nil {
		return err
	}
	iface, err := net.InterfaceByName("tc0")
	if err != nil {
		return err
	}
	// The neighbour's MAC: what the kernel has learned.
	table, err := exec.Command("ip", "neigh", "show", "10.77.0.3").Output()
	if err != nil {
		return err
	}
	var mac net.HardwareAddr
	if f := strings.Fields(string(table)); len(f) > 4 {
		mac, err = net.ParseMAC(f[4])
	}
	if err != nil || mac == nil {
		return fmt.Errorf("no neighbour in %q", table)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return err
	}
	to := &unix.SockaddrLinklayer{Ifindex: iface.Index, Halen: 6}
	f := make([]byte, 60)
	copy(f, mac)
	copy(f[6:], iface.HardwareAddr)
	copy(f[12:], []byte{8, 0, 0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6})
	copy(f[30:], []byte{10, 77, 0, 3})
	binary.BigEndian.PutUint16(f[36:], 80)
	copy(f[46:], []byte{0x60, 2, 255, 255})
	copy(f[54:], []byte{2, 4, 5, 180})
	sum := func(b []byte, s uint32) uint16 {
		for i := 0; i+1 < len(b); i += 2 {
			s += uint32(binary.BigEndian.Uint16(b[i:]))
		}
		for s>>16 != 0 {
			s = s>>16 + s&0xffff
		}
		return ^uint16(s)
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		binary.BigEndian.PutUint32(f[26:], 0x0b000000|rand.Uint32()&0xffffff)
		binary.BigEndian.PutUint16(f[34:], uint16(1024+rand.IntN(60000)))
		binary.BigEndian.PutUint32(f[38:], rand.Uint32())
		f[24], f[25], f[50], f[51] = 0, 0, 0, 0
		binary.BigEndian.PutUint16(f[24:], sum(f[14:34], 0))
		binary.BigEndian.PutUint16(f[50:], sum(f[26:58], 6+24))
		if err := unix.Sendto(fd, f, 0, to); err != nil && err != unix.ENOBUFS {
			return err
		}
	}
	return nil
}

func TestBadInput(t *testing.T) {
	b := newBed(t, direct)
	first := b.serve("af_packet:ts0")
	for _, c := range []struct{ port, want string }{
		{"nonsense:ts0", "no such kind; there are af_packet:IFACE"},
		{"af_xdp", "must be one IFACE"},
		{"af_xdp:nosuch", "ip link shows"},
		{"af_packet:lo", "use a veth pair"},
		{"af_packet:ts0", "another server has it; stop that one first"},
		{"memif-client:/nonexistent/socket", "start the other end first"},
		{"memif-server:/nonexistent/socket", "is no folder; make it"},
		{"pci:0000:ff:1f.7", "lspci -D shows"},
		{"vf:ts0", "is no PCI device"},
	} {
		out, err := b.in(b.server, "server", "--port", c.port, "--listen", addr, "--root", b.root).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v: %s", c.port, err, out)
		}
	}
	first.stop(syscall.SIGTERM)
	for _, c := range []struct {
		want string
		args []string
	}{
		{"IPv4 address", []string{"--listen", "::1", "--root", b.root}},
		{"/nonexistent", []string{"--listen", addr, "--root", "/nonexistent"}},
		{"the port's is 1500", []string{"--listen", addr, "--root", b.root, "--mtu", "9000"}},
	} {
		out, err := b.in(b.server, "server", append([]string{"--port", "af_packet:ts0"}, c.args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%v: %v: %s; want %q", c.args, err, out, c.want)
		}
	}
}
