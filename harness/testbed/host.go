// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A Host is one end of the wire: a network namespace with its port, and the
// CPUs that its processes may use.
type Host struct {
	Name   string // "server" or "client"
	Iface  string
	PCI    string // of the device that user space drives in place of the kernel; then there is no Iface
	IP     netip.Addr
	MAC    net.HardwareAddr
	CPUs   []int
	ns     netns.NsHandle // no name and no file: it is gone when its last user is
	home   netns.NsHandle // where the port came from and goes back to; 0: it ends with ns
	handle *netlink.Handle
	napi   []int // kernel threads that receive for the port
}

// Command returns a command that will run in the host's namespace, on its
// CPUs. It is started like any other. The namespace is entered by util-linux's
// nsenter, so nothing depends on which thread starts the command.
func (h *Host) Command(ctx context.Context, name string, arg ...string) *exec.Cmd {
	argv := append(h.enter(), name)
	return exec.CommandContext(ctx, argv[0], append(argv[1:], arg...)...)
}

func (h *Host) enter() []string {
	return []string{
		"nsenter", fmt.Sprintf("--net=/proc/%d/fd/%d", os.Getpid(), int(h.ns)),
		"taskset", "-c", h.CPUList(),
	}
}

// CPUList is the host's CPUs as taskset takes them: "0,2".
func (h *Host) CPUList() string {
	list := make([]string, len(h.CPUs))
	for i, c := range h.CPUs {
		list[i] = strconv.Itoa(c)
	}
	return strings.Join(list, ",")
}

// Do calls f on a thread that is in the host's namespace: sockets that f makes
// and files below /proc/sys/net that it opens belong to it.
func (h *Host) Do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := netns.Get()
		if err != nil {
			done <- err
			return
		}
		defer home.Close()
		if err := netns.Set(h.ns); err != nil {
			done <- fmt.Errorf("entering the %s's namespace: %w", h.Name, err)
			return
		}
		err = f()
		// A thread that cannot go back is not unlocked and so ends with the
		// goroutine: nothing else ever runs in the wrong namespace.
		if netns.Set(home) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// Dial connects from the host.
func (h *Host) Dial(addr netip.AddrPort, timeout time.Duration) (c net.Conn, err error) {
	err = h.Do(func() error {
		c, err = net.DialTimeout("tcp", addr.String(), timeout)
		return err
	})
	return c, err
}

// Counters are those of the host's port.
type Counters struct{ RxBytes, TxBytes, RxPackets, TxPackets, Dropped uint64 }

// Counters reads the port's counters; a DPDK process that owns the device
// leaves them at zero.
func (h *Host) Counters() (Counters, error) {
	link, err := h.handle.LinkByName(h.Iface)
	if err != nil {
		return Counters{}, fmt.Errorf("counters of %s: %w", h.Iface, err)
	}
	s := link.Attrs().Statistics
	if s == nil {
		return Counters{}, nil
	}
	return Counters{s.RxBytes, s.TxBytes, s.RxPackets, s.TxPackets, s.RxDropped + s.TxDropped}, nil
}

// Close takes the host away and gives its port back. Processes in it should
// have ended before.
func (h *Host) Close() {
	if h == nil {
		return
	}
	if h.home > 0 {
		// The kernel would give back a real port by itself, but later.
		if link, err := h.handle.LinkByName(h.Iface); err == nil {
			_ = h.handle.LinkSetNsFd(link, int(h.home))
		}
		_ = h.home.Close()
	}
	if h.handle != nil {
		h.handle.Close()
	}
	if h.ns > 0 {
		_ = h.ns.Close()
	}
}

// Inode is that of the host's network namespace, by which the kernel knows it.
func (h *Host) Inode() (uint32, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(h.ns), &s); err != nil {
		return 0, fmt.Errorf("the %s's namespace: %w", h.Name, err)
	}
	return uint32(s.Ino), nil
}
