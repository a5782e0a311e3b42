// SPDX-License-Identifier: Apache-2.0

package main

import (
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"crossing/harness/bench/netns"
	"crossing/harness/bench/realtime"
)

// Conditions are what a wire does to the frames of each direction, in the terms
// of tc-netem(8). ARP is delayed, and otherwise left alone.
type conditions struct {
	delay     time.Duration // one way
	loss      float64
	reorder   float64 // sent without delay, so that it overtakes
	duplicate float64
	corrupt   float64 // one bit is wrong
	after     int     // frames after which
	becomes   time.Duration
}

// A due is a frame on its way.
type due struct {
	at    time.Time
	order int
	frame []byte
}

type queue []due

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].order < q[j].order
	}
	return q[i].at.Before(q[j].at)
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(due)) }
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = due{}
	*q = old[:len(old)-1]
	return last
}

// A direction carries frames from one packet socket to another.
type direction struct {
	conditions
	rnd    *rand.Rand
	queue  queue
	order  int
	frames int // IPv4, so far
}

// take puts a received frame into the queue, or what the conditions make of it.
func (d *direction) take(frame []byte, now time.Time) {
	put := func(delay time.Duration) {
		d.order++
		heap.Push(&d.queue, due{now.Add(delay), d.order, append([]byte(nil), frame...)})
	}
	if len(frame) < 14 || binary.BigEndian.Uint16(frame[12:]) != 0x800 {
		put(d.delay)
		return
	}
	d.frames++
	delay := d.delay
	if d.after != 0 && d.frames > d.after {
		delay = d.becomes
	}
	// All are drawn for each frame, so that one condition does not shift another.
	lost, overtakes, twice, corrupt := d.rnd.Float64(), d.rnd.Float64(), d.rnd.Float64(), d.rnd.Float64()
	bit := d.rnd.Uint32()
	if lost < d.loss {
		return
	}
	if corrupt < d.corrupt {
		frame[14+bit/8%uint32(len(frame)-14)] ^= 1 << (bit % 8)
	}
	if overtakes < d.reorder {
		delay = 0
	}
	put(delay)
	if twice < d.duplicate {
		put(delay)
	}
}

// An emulator is a wire between two interfaces in a namespace of its own.
type emulator struct {
	sockets [2]int
	stop    atomic.Bool
	ended   sync.WaitGroup
	errs    [2]error
}

// newEmulator joins two interfaces. The same seed makes the same decisions about
// the same frames.
func newEmulator(ns *netns.Namespace, names [2]string, c conditions, seed uint64) (*emulator, error) {
	e := &emulator{sockets: [2]int{-1, -1}}
	err := ns.Do(func() (err error) {
		for i, name := range names {
			if e.sockets[i], err = packetSocket(name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		e.close()
		return nil, err
	}
	for i := range 2 {
		d := &direction{conditions: c, rnd: rand.New(rand.NewPCG(seed, uint64(i)))}
		e.ended.Go(func() { e.errs[i] = e.carry(d, e.sockets[i], e.sockets[1-i]) })
	}
	return e, nil
}

const etherTypeAll = 0x0300 // ETH_P_ALL in network byte order

func packetSocket(name string) (int, error) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 64<<20),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: etherTypeAll, Ifindex: link.Index}))
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// carry takes frames from one socket and sends them on the other when they are
// due. A real-time task does it: else a server that polls, and so never gives its
// CPU up, would have a slower wire than one that sleeps.
func (e *emulator) carry(d *direction, from, to int) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := realtime.Promote(unix.Gettid()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, realtime.Demote()) }()
	buf := make([]byte, 65536)
	for !e.stop.Load() {
		wait := 20 * time.Millisecond
		if len(d.queue) > 0 {
			wait = max(0, min(wait, time.Until(d.queue[0].at)))
		}
		timeout := unix.NsecToTimespec(int64(wait))
		if _, err := unix.Ppoll([]unix.PollFd{{Fd: int32(from), Events: unix.POLLIN}}, &timeout, nil); err != nil && err != unix.EINTR {
			return err
		}
		now := time.Now()
		for range 256 {
			n, _, err := unix.Recvfrom(from, buf, 0)
			if err == unix.EAGAIN {
				break
			}
			if err != nil && err != unix.EINTR {
				return err
			}
			if n > 0 {
				d.take(buf[:n], now)
			}
		}
		for now = time.Now(); len(d.queue) > 0 && !d.queue[0].at.After(now); {
			if err := unix.Send(to, d.queue[0].frame, 0); err != nil && err != unix.ENOBUFS && err != unix.EAGAIN {
				return err
			}
			heap.Pop(&d.queue)
		}
	}
	return nil
}

// finish ends the emulator. It fails if it has lost frames of its own accord.
func (e *emulator) finish() error {
	e.stop.Store(true)
	e.ended.Wait()
	err := errors.Join(e.errs[:]...)
	for _, fd := range e.sockets {
		stats, statErr := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if statErr == nil && stats.Drops > 0 {
			statErr = fmt.Errorf("%d frames did not fit into the emulator's buffer", stats.Drops)
		}
		err = errors.Join(err, statErr)
	}
	e.close()
	return err
}

func (e *emulator) close() {
	for _, fd := range e.sockets {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
