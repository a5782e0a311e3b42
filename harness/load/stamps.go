// SPDX-License-Identifier: Apache-2.0

package load

import (
	"unsafe"

	"crossing/data/dataset"

	"golang.org/x/sys/unix"
)

// stamps reads the kernel's receive time stamps (SO_TIMESTAMPING,
// Documentation/networking/timestamping.rst): when the last segment of a
// response entered the client's kernel. What the request took beyond that is
// the client's own share: softirq, wake-up, system call.
type stamps struct {
	control []byte
	iov     unix.Iovec
	msg     unix.Msghdr
	ask     []byte // control message of a send whose transmit stamp is wanted
	stamp   int64  // of the last read, CLOCK_REALTIME; 0: none
	offset  int64  // CLOCK_REALTIME less CLOCK_MONOTONIC
	sends   int
}

// sampled is how many sends there are to one whose transmit stamp is asked for.
// Such a stamp comes back through the socket's error queue, which costs more than
// the request itself; receive stamps come with the bytes and cost next to nothing.
const sampled = 64

// newStamps makes the kernel begin to stamp: it does so, for the whole machine,
// a moment after the first socket asks, so one asks now and stays open.
func newStamps() *stamps {
	s := &stamps{control: make([]byte, 512), ask: make([]byte, unix.CmsgSpace(4)), offset: realOffset()}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&s.ask[0]))
	h.Level, h.Type = unix.SOL_SOCKET, unix.SO_TIMESTAMPING
	h.SetLen(unix.CmsgLen(4))
	*(*uint32)(unsafe.Pointer(&s.ask[unix.CmsgLen(0)])) = unix.SOF_TIMESTAMPING_TX_SOFTWARE
	if fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
		s.enable(int32(fd))
	}
	return s
}

func (s *stamps) enable(fd int32) {
	setsockopt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING,
		unix.SOF_TIMESTAMPING_RX_SOFTWARE|unix.SOF_TIMESTAMPING_SOFTWARE|unix.SOF_TIMESTAMPING_OPT_TSONLY)
}

// send sends, and reports whether it asked for a transmit stamp.
func (s *stamps) send(fd int32, b []byte) (n int, e unix.Errno, asked bool) {
	if s.sends++; s.sends%sampled != 0 {
		n, e = send(fd, b)
		return n, e, false
	}
	s.iov.Base = &b[0]
	s.iov.SetLen(len(b))
	s.msg = unix.Msghdr{Iov: &s.iov, Iovlen: 1, Control: &s.ask[0]}
	s.msg.SetControllen(len(s.ask))
	sent, _, e := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&s.msg)), sendFlags)
	return int(sent), e, true
}

// transmitted is the transmit stamp that waits in the socket's error queue,
// CLOCK_MONOTONIC; 0 if there is none.
func (s *stamps) transmitted(fd int32) (stamp int64) {
	for {
		s.msg = unix.Msghdr{Control: &s.control[0]}
		s.msg.SetControllen(len(s.control))
		_, _, e := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&s.msg)), recvFlags|unix.MSG_ERRQUEUE)
		if e != 0 {
			return stamp
		}
		if found := scanStamp(s.control[:s.msg.Controllen]); found != 0 {
			stamp = found - s.offset
		}
	}
}

func (s *stamps) recv(fd int32, b []byte) (int, unix.Errno) {
	s.iov.Base = &b[0]
	s.iov.SetLen(len(b))
	s.msg = unix.Msghdr{Iov: &s.iov, Iovlen: 1, Control: &s.control[0]}
	s.msg.SetControllen(len(s.control))
	n, _, e := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&s.msg)), recvFlags)
	if e == 0 {
		s.stamp = scanStamp(s.control[:s.msg.Controllen])
	}
	return int(n), e
}

// scanStamp finds the software stamp among the control messages.
func scanStamp(b []byte) int64 {
	for len(b) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		if h.Len < unix.SizeofCmsghdr || uint64(h.Len) > uint64(len(b)) {
			return 0
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPING && h.Len >= unix.SizeofCmsghdr+16 {
			return (*unix.Timespec)(unsafe.Pointer(&b[unix.SizeofCmsghdr])).Nano()
		}
		b = b[min(len(b), int(h.Len+7)&^7):]
	}
	return 0
}

// of is the stamp of a response as its row keeps it. A row's times never
// decrease, and a stamp comes before the read that it belongs to, whatever the
// two clocks say.
func (s *stamps) of(row *dataset.Request, origin int64) int64 {
	if s.stamp == 0 {
		return 0
	}
	return min(s.stamp-s.offset-origin, row.LastByteNs-1)
}

// realOffset is CLOCK_REALTIME less CLOCK_MONOTONIC, in ns, of the closest of
// some readings.
func realOffset() (offset int64) {
	best := int64(1) << 62
	for range 64 {
		var ts unix.Timespec
		a := now()
		unix.ClockGettime(unix.CLOCK_REALTIME, &ts)
		b := now()
		if b-a < best {
			best, offset = b-a, ts.Nano()-(a+b)/2
		}
	}
	return offset
}
