package load

import (
	"unsafe"

	"crossing/data"
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
	stamp   int64 // of the last read, CLOCK_REALTIME; 0: none
	offset  int64 // CLOCK_REALTIME less CLOCK_MONOTONIC
}

func newStamps() *stamps {
	return &stamps{control: make([]byte, 512), offset: realOffset()}
}

func (s *stamps) enable(fd int32) {
	setsockopt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, unix.SOF_TIMESTAMPING_RX_SOFTWARE|unix.SOF_TIMESTAMPING_SOFTWARE)
}

func (s *stamps) recv(fd int32, b []byte) (int, unix.Errno) {
	s.iov.Base = &b[0]
	s.iov.SetLen(len(b))
	s.msg.Iov, s.msg.Iovlen = &s.iov, 1
	s.msg.Control = &s.control[0]
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
// decrease, so a stamp is never later than the last byte.
func (s *stamps) of(row *data.Request, origin int64) int64 {
	if s.stamp == 0 {
		return 0
	}
	return min(s.stamp-s.offset-origin, row.LastByteNs)
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
