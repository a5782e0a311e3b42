// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// A Steering is the CPU that handles the frames which an end receives.
type Steering string

const (
	// ByOwner: the receiving end's own, as the interrupts of a card would have it.
	ByOwner Steering = "owner"
	// BySender: the one that sent the frame, which is what a veth pair does by
	// itself. Each end works at the other's expense.
	BySender Steering = "sender"
)

// Steerings are those that a plan may name.
var Steerings = []Steering{ByOwner, BySender}

// Steer sets the CPU that handles received frames, in both hosts. Frames for the
// kernel's stack are steered by receive packet steering (RPS,
// Documentation/networking/scaling.rst), which comes after an XDP program: for a
// port with one, see [Host.ThreadNAPI].
func (t *Testbed) Steer(s Steering) error {
	for _, h := range []*Host{t.Server, t.Client} {
		cpus := h.CPUs[:1]
		if s == BySender {
			cpus = nil
		}
		if err := h.steer(cpus); err != nil {
			return err
		}
	}
	t.Steering = s
	return nil
}

// steer lets only the given CPUs handle what the port receives; none: whichever
// the frame comes in on.
func (h *Host) steer(cpus []int) error {
	return h.sysfs(func(net int) error {
		queues := path.Join(h.Iface, "queues")
		names, err := readDirAt(net, queues)
		if err != nil {
			return fmt.Errorf("receive queues of %s: %w", h.Iface, err)
		}
		for _, name := range names {
			if !strings.HasPrefix(name, "rx-") {
				continue
			}
			if err := writeAt(net, path.Join(queues, name, "rps_cpus"), mask(cpus)); err != nil {
				return fmt.Errorf("steering the frames of %s: %w", h.Iface, privilege(err))
			}
		}
		return nil
	})
}

// ThreadNAPI moves the NAPI of a port with an XDP program into a kernel thread on
// the host's first CPU, where otherwise it runs as a softirq on the CPU that sent
// the frame; a port without such a program is left alone. As a softirq does, the
// thread goes before the CPU's processes: it has the lowest real-time priority.
// (A poller on that CPU would keep an ordinary thread waiting for a time slice;
// busy polling, in the poller's own system calls, is not for XDP sockets that
// copy, as those on a veth do, since Linux 6.13: __xsk_recvmsg in net/xdp/xsk.c.)
func (h *Host) ThreadNAPI() error {
	if len(h.napi) > 0 {
		return nil
	}
	link, err := h.handle.LinkByName(h.Iface)
	if err != nil {
		return fmt.Errorf("port %s: %w", h.Iface, err)
	}
	if xdp := link.Attrs().Xdp; xdp == nil || !xdp.Attached {
		return nil
	}
	return h.threadNAPI()
}

// StartNAPI does so for a port to which an XDP program is yet to be attached: GRO
// gives it a NAPI, which stays.
func (h *Host) StartNAPI() error {
	if len(h.napi) > 0 {
		return nil
	}
	if err := h.ethtool("gro", "on"); err != nil {
		return err
	}
	return h.threadNAPI()
}

func (h *Host) threadNAPI() error {
	before, err := napiThreads(h.Iface)
	if err != nil {
		return err
	}
	err = h.sysfs(func(net int) error {
		return writeAt(net, path.Join(h.Iface, "threaded"), "1")
	})
	if err != nil {
		return fmt.Errorf("threaded NAPI of %s: %w (Linux 5.12 or later has it)", h.Iface, privilege(err))
	}
	after, err := napiThreads(h.Iface)
	if err != nil {
		return err
	}
	var set unix.CPUSet
	set.Set(h.CPUs[0])
	for _, pid := range after {
		if slices.Contains(before, pid) {
			continue // of another testbed
		}
		err := unix.SchedSetaffinity(pid, &set)
		if err == nil {
			err = unix.SchedSetAttr(pid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
		}
		if err != nil {
			return fmt.Errorf("pinning the NAPI thread of %s: %w", h.Iface, err)
		}
		h.napi = append(h.napi, pid)
	}
	if len(h.napi) == 0 {
		return fmt.Errorf("threaded NAPI of %s: the kernel made no thread", h.Iface)
	}
	return nil
}

// napiThreads are the kernel threads of ports of that name, in any namespace.
func napiThreads(iface string) (pids []int, err error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if name, err := p.Comm(); err == nil && strings.HasPrefix(name, "napi/"+iface+"-") {
			pids = append(pids, p.PID)
		}
	}
	return pids, nil
}

// mask is a set of CPUs as the kernel writes it: hexadecimal words of 32 bits,
// highest first (lib/bitmap-str.c).
func mask(cpus []int) string {
	words := []uint32{0}
	for _, c := range cpus {
		for len(words) <= c/32 {
			words = append(words, 0)
		}
		words[c/32] |= 1 << (c % 32)
	}
	var b strings.Builder
	for i, w := range slices.Backward(words) {
		if b.Len() > 0 {
			fmt.Fprintf(&b, "%08x", w)
		} else if w != 0 || i == 0 {
			b.WriteString(strconv.FormatUint(uint64(w), 16))
		}
		if b.Len() > 0 && i > 0 {
			b.WriteByte(',')
		}
	}
	return b.String()
}

// sysfs calls f with a descriptor of class/net as the host's namespace shows it.
// What sysfs shows depends on the namespace in which it was mounted, so it is
// mounted once more, at no place of the file system.
func (h *Host) sysfs(f func(net int) error) error {
	return h.Do(func() error {
		context, err := unix.Fsopen("sysfs", unix.FSOPEN_CLOEXEC)
		if err != nil {
			return fmt.Errorf("mounting sysfs: %w", privilege(err))
		}
		defer unix.Close(context)
		if err := unix.FsconfigCreate(context); err != nil {
			return fmt.Errorf("mounting sysfs: %w", privilege(err))
		}
		mount, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("mounting sysfs: %w", privilege(err))
		}
		defer unix.Close(mount)
		net, err := unix.Openat(mount, "class/net", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &fs.PathError{Op: "open", Path: "class/net", Err: err}
		}
		defer unix.Close(net)
		return f(net)
	})
}

func openAt(dir int, name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

func writeAt(dir int, name, text string) error {
	f, err := openAt(dir, name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func readDirAt(dir int, name string) ([]string, error) {
	f, err := openAt(dir, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}
