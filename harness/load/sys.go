// SPDX-License-Identifier: Apache-2.0

package load

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The loop speaks to the kernel by RawSyscall alone. syscall.Syscall tells Go's
// scheduler of each call (entersyscall), which costs a fifth of the request
// rate at one connection and lets the monitor thread take the processor away.
// Raw calls must not block for long; the loop's longest wait is 100 ms.

const (
	recvFlags = unix.MSG_DONTWAIT
	sendFlags = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL
)

func recv(fd int32, b []byte) (int, unix.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), recvFlags, 0, 0)
	return int(n), e
}

func send(fd int32, b []byte) (int, unix.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), sendFlags, 0, 0)
	return int(n), e
}

// epollWait waits at most ms milliseconds; 0 polls. It is epoll_pwait because
// epoll_wait is not on every architecture.
func epollWait(ep int32, ev []unix.EpollEvent, ms int) (int, unix.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&ev[0])), uintptr(len(ev)), uintptr(ms), 0, 0)
	return int(n), e
}

// hasPwait2 reports whether the kernel has epoll_pwait2: Linux 5.11, and no
// seccomp filter that hides it.
func hasPwait2(ep int32) bool {
	_, e := epollWaitNs(ep, make([]unix.EpollEvent, 1), 0)
	return e == 0 || e == unix.EINTR
}

// epollWaitNs is epollWait in nanoseconds (epoll_pwait2).
func epollWaitNs(ep int32, ev []unix.EpollEvent, ns int64) (int, unix.Errno) {
	ts := unix.NsecToTimespec(ns)
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(ep), uintptr(unsafe.Pointer(&ev[0])), uintptr(len(ev)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	return int(n), e
}

// epollWatch adds fd to ep, edge-triggered: the kernel then does not look at a
// drained socket again on the next wait. Writability is reported once, when the
// connection is made; later only with something to read, where it is ignored.
func epollWatch(ep, fd, data int32) unix.Errno {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: data}
	_, _, e := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(ep), unix.EPOLL_CTL_ADD, uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0)
	return e
}

func closeFD(fd int32) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

func setsockopt(fd int32, level, name, value int) unix.Errno {
	v := int32(value)
	_, _, e := unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), uintptr(unsafe.Pointer(&v)), 4, 0)
	return e
}

func socketError(fd int32) unix.Errno {
	v, size := int32(0), uint32(4)
	_, _, e := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ERROR, uintptr(unsafe.Pointer(&v)), uintptr(unsafe.Pointer(&size)), 0)
	if e != 0 {
		return e
	}
	return unix.Errno(v)
}

// A sockaddr is an address as the kernel wants it.
type sockaddr struct {
	raw    unix.RawSockaddrInet6 // large enough for both families
	size   uintptr
	family uintptr
}

func newSockaddr(a netip.AddrPort) (s sockaddr) {
	port := [2]byte{byte(a.Port() >> 8), byte(a.Port())}
	ip := a.Addr().Unmap()
	if ip.Is4() {
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		in.Family, in.Port, in.Addr = unix.AF_INET, *(*uint16)(unsafe.Pointer(&port)), ip.As4()
		s.size, s.family = unix.SizeofSockaddrInet4, unix.AF_INET
		return s
	}
	s.raw.Family, s.raw.Port, s.raw.Addr = unix.AF_INET6, *(*uint16)(unsafe.Pointer(&port)), ip.As16()
	s.size, s.family = unix.SizeofSockaddrInet6, unix.AF_INET6
	return s
}

// dial begins a connection and does not wait for it.
func dial(to *sockaddr) (int32, unix.Errno) {
	fd, _, e := unix.RawSyscall(unix.SYS_SOCKET, to.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if e != 0 {
		return -1, e
	}
	s := int32(fd)
	setsockopt(s, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_, _, e = unix.RawSyscall(unix.SYS_CONNECT, fd, uintptr(unsafe.Pointer(&to.raw)), to.size)
	if e != 0 && e != unix.EINPROGRESS {
		closeFD(s)
		return -1, e
	}
	return s, 0
}

// localPort returns the port that the kernel chose for a connected socket.
func localPort(fd int32) uint16 {
	var raw unix.RawSockaddrInet6
	size := uint32(unix.SizeofSockaddrInet6)
	unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)))
	p := (*[2]byte)(unsafe.Pointer(&raw.Port)) // at the same place in both families
	return uint16(p[0])<<8 | uint16(p[1])
}

// pin binds every thread of this process to one CPU.
func pin(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		tid, _ := strconv.Atoi(t.Name())
		if err := unix.SchedSetaffinity(tid, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("pin to CPU %d: %w (choose from the CPUs that `taskset -p self` shows)", cpu, err)
		}
	}
	return nil
}

// A usage is what getrusage says of this process.
type usage struct {
	User, System          time.Duration
	Voluntary, Preemptive int64 // context switches
}

func cpuUsage() usage {
	var r unix.Rusage
	unix.RawSyscall(unix.SYS_GETRUSAGE, unix.RUSAGE_SELF, uintptr(unsafe.Pointer(&r)), 0)
	return usage{time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano()), r.Nvcsw, r.Nivcsw}
}

func (u usage) sub(v usage) usage {
	return usage{u.User - v.User, u.System - v.System, u.Voluntary - v.Voluntary, u.Preemptive - v.Preemptive}
}
