// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if os.Getenv("TESTBED_HOLD") != "" {
		hold()
	}
	os.Exit(m.Run())
}

// hold makes a testbed with a process in each half and waits to be killed.
func hold() {
	bed, err := Netns()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("made", bed.Server.Iface)
	time.Sleep(time.Minute)
	os.Exit(1)
}

func veth(t *testing.T) *Testbed {
	t.Helper()
	bed, err := Netns()
	if errors.Is(err, ErrPrivilege) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bed.Close)
	return bed
}

// talk sends a line through the testbed and back.
func talk(t *testing.T, bed *Testbed, word string) {
	t.Helper()
	addr := bed.Addr("user")
	var l net.Listener
	err := bed.Server.Do(func() (err error) {
		l, err = net.Listen("tcp", addr.String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			fmt.Fprint(c, word)
			c.Close()
		}
	}()
	c, err := bed.Client.Dial(addr, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, _ := io.ReadAll(c); string(b) != word {
		t.Errorf("got %q through the wire, want %q", b, word)
	}
}

func TestTwoAtOnce(t *testing.T) {
	a, b := veth(t), veth(t)
	talk(t, a, "a")
	talk(t, b, "b") // the same addresses, another wire
}

func TestPinnedAndApart(t *testing.T) {
	bed := veth(t)
	all, _, _ := CPUs()
	out, err := bed.Client.Command(context.Background(), "sh", "-c", "taskset -cp $$; cat /proc/net/dev").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), "list: "+bed.Client.CPUList()) || !strings.Contains(string(out), "vc0") || strings.Contains(string(out), "vs0") {
		t.Errorf("the client sees:\n%s", out)
	}
	var set unix.CPUSet
	_ = unix.SchedGetaffinity(0, &set)
	if set.Count() > 1 && bed.Client.CPUs[0] == all[0] {
		t.Error("client and server share a CPU though there are more")
	}
}

func TestCongestionControlIsTheSameOnEveryMachine(t *testing.T) {
	bed := veth(t)
	for _, h := range []*Host{bed.Server, bed.Client} {
		if err := h.Do(func() error {
			b, err := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control")
			if got := strings.TrimSpace(string(b)); err == nil && got != bed.CongestionControl {
				t.Errorf("%s uses %s, the testbed says %s", h.Name, got, bed.CongestionControl)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
	if bed.CongestionControl != "cubic" && bed.CongestionControl != "reno" {
		t.Errorf("congestion control %q", bed.CongestionControl)
	}
}

// A namespace that outlives its maker would be found by its inode in some
// process's /proc/PID/ns, or as a device in the kernel's root namespace.
func TestNothingIsLeftAfterSIGKILL(t *testing.T) {
	veth(t) // skips without privilege
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TESTBED_HOLD=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	ns := holders(t, cmd.Process.Pid)
	if len(ns) < 2 {
		t.Fatalf("the maker holds namespaces %v, want a server's and a client's", ns)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left := 0
		pids, _ := filepath.Glob("/proc/[0-9]*/fd/*")
		for _, fd := range append(pids, glob("/proc/[0-9]*/ns/net")...) {
			if to, err := os.Readlink(fd); err == nil && ns[to] {
				left++
			}
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d references to the dead testbed's namespaces are left", left)
		}
	}
}

func glob(pattern string) []string { names, _ := filepath.Glob(pattern); return names }

// holders are the network namespaces that a process has open, but for the
// one that this test is in.
func holders(t *testing.T, pid int) map[string]bool {
	t.Helper()
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	ns := map[string]bool{}
	for _, fd := range glob(fmt.Sprintf("/proc/%d/fd/*", pid)) {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "net:[") && to != home {
			ns[to] = true
		}
	}
	return ns
}

func TestPortsThatAreNotThere(t *testing.T) {
	veth(t)
	if _, err := Ports("nosuch0", "nosuch1"); err == nil || !strings.Contains(err.Error(), "nosuch0") {
		t.Errorf("got %v, want the port's name", err)
	}
}

func TestAddr(t *testing.T) {
	bed := &Testbed{}
	if a, b := bed.Addr("user"), bed.Addr("bypass"); a == b || a.Port() != Port || !b.Addr().IsValid() || a.Addr() == netip.IPv4Unspecified() {
		t.Errorf("user %v, bypass %v", a, b)
	}
}

// An end borrows a port and gives it back.
func TestEnd(t *testing.T) {
	b := veth(t)
	err := b.Server.Do(func() error {
		h, congestion, err := End("client", b.Server.Iface, []int{0})
		if err != nil {
			return err
		}
		if h.IP != clientIP || h.CPUList() != "0" || congestion == "" || h.MAC.String() != b.Server.MAC.String() {
			t.Errorf("%+v, congestion control %q", h, congestion)
		}
		if _, err := netlink.LinkByName(b.Server.Iface); err == nil {
			t.Error("the port is still where it was")
		}
		if _, err := h.Counters(); err != nil {
			t.Error(err)
		}
		h.Close()
		_, err = netlink.LinkByName(b.Server.Iface)
		if _, _, none := End("client", "nosuch", nil); none == nil {
			t.Error("a port that is not there was taken")
		}
		return err
	})
	if err != nil {
		t.Error("after the end was closed: ", err)
	}
}
