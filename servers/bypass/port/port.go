// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

package port

/*
#cgo pkg-config: libdpdk
#cgo noescape queue_poll
#cgo nocallback queue_poll
#cgo noescape queue_flush
#cgo nocallback queue_flush
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"github.com/yerden/go-dpdk/eal"
	"golang.org/x/sys/unix"
)

// A Port is an Ethernet port that this process drives.
type Port struct {
	MAC     net.HardwareAddr
	MTU     int    // the largest that the device and the buffers have
	Offload bool   // it fills in checksums: tcpip.Config.TxChecksumOffload
	Hz      uint64 // ticks per second of Queue.Ticks
	// SharesCPU states that other threads of this process work for the loops, too,
	// and must have their share of the CPU.
	SharesCPU bool

	spec Spec
	c    *C.struct_port
	lock io.Closer
	vf   *vf // made for this port
	cpus []int
}

// A Queue is one queue pair of a port. It belongs to one thread.
type Queue struct {
	c *C.struct_queue
	n int // frames to send
}

// BurstSize is the most frames that one Poll receives.
const BurstSize = C.BURST

// Open takes the port named by spec with that number of queue pairs, one for each
// of the CPUs on which this process may run, from the first on. A process can do
// so once: EAL cannot be started again.
func Open(name string, queues int) (*Port, error) {
	spec, err := Parse(name)
	if err != nil {
		return nil, err
	}
	if err := Check(spec); err != nil {
		return nil, err
	}
	cpus, err := affinity()
	if err != nil {
		return nil, err
	}
	if queues < 1 || queues > len(cpus) || queues > 16 {
		return nil, fmt.Errorf("port %s: %d queues, but this process may use %d CPUs; each queue wants one of its own", spec, queues, len(cpus))
	}
	p := &Port{spec: spec, cpus: cpus[:queues]}
	if p.lock, err = lock(spec); err != nil {
		return nil, err
	}
	if spec.Kind == "vf" {
		if p.vf, err = (system{"/"}).makeVF(spec.Arg); err != nil {
			p.lock.Close()
			return nil, fmt.Errorf("port %s: %w", spec, err)
		}
		p.spec = Spec{"pci", p.vf.address}
	}
	if err := p.openDevice(queues); err != nil {
		p.restore()
		return nil, fmt.Errorf("port %s: %w", spec, err)
	}
	return p, nil
}

// restore gives back to the kernel what was taken from it.
func (p *Port) restore() error {
	defer p.lock.Close()
	if p.vf != nil {
		return p.vf.close()
	}
	return nil
}

// openDevice checks the device and opens it.
func (p *Port) openDevice(queues int) error {
	if p.vf != nil {
		if err := Check(p.spec); err != nil {
			return err
		}
	}
	return p.startEAL(queues)
}

func (p *Port) startEAL(queues int) error {
	var lcores []string
	for _, c := range p.cpus {
		lcores = append(lcores, strconv.Itoa(c))
	}
	args := []string{"crossing", "-l", strings.Join(lcores, ","), "--no-telemetry", "--log-level=*:4"}
	if free, size := (system{"/"}).hugepages(); free*size >= minHugepageBytes {
		args = append(args, "--in-memory", "--single-file-segments")
	} else {
		args = append(args, "--no-huge", "--no-shconf", "-m", strconv.Itoa(128*queues+64))
	}
	linkMTU := p.spec.linkMTU()
	jumbo := linkMTU > bufferSize-ethernetHeader
	args = append(args, p.spec.args(queues, jumbo)...)
	out := log.Writer()
	log.SetOutput(io.Discard) // go-dpdk logs the arguments
	_, err := eal.Init(args)
	log.SetOutput(out)
	if err != nil {
		return fmt.Errorf("starting DPDK: %w; what it said is above, its arguments were %s", err, strings.Join(args[1:], " "))
	}
	p.c = (*C.struct_port)(C.calloc(1, C.sizeof_struct_port))
	p.c.buffers, p.c.buffer_size = buffers, bufferSize
	if jumbo {
		p.c.buffers, p.c.buffer_size = jumboBuffers, jumboBufferSize
	}
	if p.spec.Kind == "pci" {
		p.c.pci = 1
	}
	contiguous := C.int(0)
	if p.spec.Kind == "af_xdp" {
		contiguous = 1
	}
	name := C.CString(p.spec.Arg)
	defer C.free(unsafe.Pointer(name))
	if C.port_open(p.c, name, C.uint16_t(queues), contiguous) != 0 {
		err := errors.New(C.GoString(&p.c.what[0]))
		eal.StopLcores() // Cleanup waits for them
		_ = eal.Cleanup()
		return err
	}
	p.MAC = C.GoBytes(unsafe.Pointer(&p.c.mac[0]), 6)
	p.MTU = min(int(p.c.mtu), int(p.c.buffer_size)-ethernetHeader)
	if linkMTU > 0 { // net_af_packet knows none
		p.MTU = min(linkMTU, int(p.c.buffer_size)-ethernetHeader, maxMTU)
	}
	p.Offload = p.c.offload != 0
	p.Hz = uint64(p.c.hz)
	return nil
}

func affinity() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, err
	}
	var cpus []int
	for i := range 1024 {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus, nil
}

// Run calls loop once for each queue, on the thread that DPDK keeps for its
// CPU, and returns when all have returned, with the first error. Loops must
// not yield; main needs a thread besides theirs, for signals. Unless the port
// shares its CPU, the process's other threads run only when a CPU is idle.
func (p *Port) Run(loop func(q *Queue) error) error {
	runtime.GOMAXPROCS(len(p.cpus) + 1)
	ended := make(chan error, 2*len(p.cpus))
	threads, ready := make(chan int), make(chan struct{})
	var aside error
	for i, cpu := range p.cpus {
		eal.ExecOnLcoreAsync(uint(cpu), ended, func(*eal.LcoreCtx) {
			defer crash(cpu)
			threads <- unix.Gettid()
			if <-ready; aside != nil {
				ended <- aside
				return
			}
			q := &Queue{c: C.queue_open(p.c, C.uint16_t(i))}
			if q.c == nil {
				ended <- errors.New("no buffers for a queue")
				return
			}
			err := loop(q)
			C.queue_close(q.c)
			ended <- err
		})
	}
	var polling []int
	for range p.cpus {
		polling = append(polling, <-threads)
	}
	if !p.SharesCPU {
		aside = demoteOtherThreads(polling)
	}
	close(ready)
	var first error
	for range 2 * len(p.cpus) { // each sends its own, and go-dpdk one
		if err := <-ended; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Close gives the port back to the kernel.
func (p *Port) Close() error {
	e := C.port_close(p.c)
	eal.StopLcores()
	err := eal.Cleanup()
	if e != 0 {
		err = fmt.Errorf("port %s: closing it: error %d", p.spec, int(e))
	}
	return errors.Join(err, p.restore())
}

// Up reports whether the link is up.
func (p *Port) Up() bool { return C.port_link_up(p.c) != 0 }

// Buffers returns the number of free buffers and of all. Those in the port's queues
// are not free; a number that falls in the long run is a leak.
func (p *Port) Buffers() (free, all int) {
	var total C.uint
	n := C.port_buffers(p.c, &total)
	return int(n), int(total)
}

// Stats are the port's own counters.
type Stats struct {
	Received, Sent, Missed, BadIn, BadOut, NoBuffer uint64
}

// Stats reads the port's counters.
func (p *Port) Stats() (s Stats, err error) {
	var out [6]C.uint64_t
	if e := C.port_stats(p.c, &out[0]); e != 0 {
		return s, fmt.Errorf("port %s: reading its counters: error %d", p.spec, int(e))
	}
	return Stats{uint64(out[0]), uint64(out[1]), uint64(out[2]), uint64(out[3]), uint64(out[4]), uint64(out[5])}, nil
}

// Poll sends the pending frames, as many as the port takes, waits up to spin ticks
// for received ones, and returns their number. They stay until the next Poll.
func (q *Queue) Poll(spin uint64) int {
	n := int(C.queue_poll(q.c, C.int(q.n), C.uint64_t(spin)))
	q.n = int(q.c.ntx)
	return n
}

// TxFree returns the number of frames that may be sent before the next Poll such
// that it receives even if the port takes none.
func (q *Queue) TxFree() int { return C.BATCH/2 - q.n }

// Frame returns a received frame, and whether the port has found its checksums
// right.
func (q *Queue) Frame(i int) (f []byte, good bool) {
	d := &q.c.rx[i]
	return unsafe.Slice((*byte)(d.data), int(d.len)), d.good != 0
}

// Send implements tcpip.Link: it sends n bytes of the last buffer, at the next Poll
// or when many are pending, and returns the next buffer.
func (q *Queue) Send(n int) []byte {
	if n > 0 {
		q.c.tx[q.n].len = C.uint32_t(n)
		if q.n++; q.n == C.BATCH {
			C.queue_flush(q.c, C.BATCH)
			q.n = 0
		}
	}
	return unsafe.Slice((*byte)(q.c.tx[q.n].data), int(q.c.buffer_size))
}

// Ticks returns the time stamp counter after the last Poll had polled for frames.
func (q *Queue) Ticks() uint64 { return uint64(q.c.tsc) }

// Sent returns the time stamp counter just before the last frames were sent.
func (q *Queue) Sent() uint64 { return uint64(q.c.sent_at) }

// Counters returns how often the port was polled, how often it took no frame, and
// the number of frames that were dropped.
func (q *Queue) Counters() (polls, full, dropped uint64) {
	return uint64(q.c.polls), uint64(q.c.full), uint64(q.c.dropped)
}

// Pointers returns the queue and its functions poll and flush (shim.h), for a loop
// that is written in C.
func (q *Queue) Pointers() (queue, poll, flush unsafe.Pointer) {
	return unsafe.Pointer(q.c), C.queue_poll, C.queue_flush
}
