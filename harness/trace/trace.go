// SPDX-License-Identifier: Apache-2.0

// Package trace takes the server's side of each request: when it passed each
// point of its way through the kernel that the server runs on. It needs nothing
// of the server, so Apache, nginx and Flask are traced as they are. A server
// that bypasses the kernel, or knows better, takes its own stamps (Own).
//
// Where the machine lacks what that takes, there is less in steps (Levels).
//
// A run that is traced is marked and never compared with one that is not, but
// paired with one, so that the cost is known; `make bench-trace` measures it.
package trace

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"crossing/data/dataset"
)

//go:generate go tool bpf2go -go-package trace -target bpfel -cc clang -cflags "-O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu" trace trace.bpf.c
//go:generate go tool bpf2go -go-package trace -target bpfel -cc clang -cflags "-O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu" sockops sockops.bpf.c

// record is a request's record.
type record struct {
	offset uint64
	at     [9]uint64 // device, tcp, ready, woken, oncpu, recv, send, first, last
	port   uint32
}

// kernelRecord is a record as the kernel writes it (struct record of record.h).
type kernelRecord struct {
	offset     uint64
	port, open uint32
	arrived    uint64
	in         [4]uint64 // device, tcp, ready, woken
	_          uint64
	out        [5]uint64 // oncpu, recv, send, first, last
	_          [3]uint64
}

func (k *kernelRecord) record() (r record) {
	r.offset, r.port = k.offset, k.port
	copy(r.at[copy(r.at[:], k.in[:]):], k.out[:])
	return r
}

// A Tracer takes records until it is stopped.
type Tracer struct {
	Level   Level
	Why     []error  // why it is no better level
	Missing []string // tracepoints that this kernel lacks

	programs *programs                // attached to the kernel, or
	own      func() ([]record, error) // the server's, or neither
}

// Stop ends the tracer and joins its records with the client's requests, by
// port and stream offset. originNs is the run's origin on CLOCK_MONOTONIC.
func (t *Tracer) Stop(requests []dataset.Request, originNs int64) (*Join, error) {
	var records []record
	var lost uint64
	var err error
	switch {
	case t.programs != nil:
		ports := map[uint16]bool{}
		for i := range requests {
			ports[requests[i].Port] = true
		}
		records, lost, err = t.programs.finish(ports)
	case t.own != nil:
		records, err = t.own()
	}
	if err != nil {
		return nil, err
	}
	j := join(records, requests, originNs, string(t.Level))
	j.Lost = lost
	return j, nil
}

// Abandon ends the tracer without a result. It may follow Stop.
func (t *Tracer) Abandon() {
	if t.programs != nil {
		t.programs.close()
	}
}

// programs are those that are attached to the kernel, with the maps that they
// write to.
type programs struct {
	links   []link.Link
	objects interface{ Close() error }
	// Of record.h.
	requests *ebpf.Map
	lost     *ebpf.Variable

	reader  *ringbuf.Reader
	records []record
	stop    chan struct{}
	done    chan struct{}
}

// collect begins to take records out of the ring.
func (p *programs) collect(ring *ebpf.Map) (err error) {
	if p.reader, err = ringbuf.NewReader(ring); err != nil {
		return err
	}
	p.stop, p.done = make(chan struct{}), make(chan struct{})
	go p.drain()
	return nil
}

// drain moves records out of the ring five times a second; in between the ring holds
// them (60,000), so that no wake-up disturbs the run.
func (p *programs) drain() {
	defer close(p.done)
	var r ringbuf.Record
	take := func() {
		if err := p.reader.Flush(); err != nil {
			return
		}
		for p.reader.ReadInto(&r) == nil {
			k := decode(r.RawSample)
			p.records = append(p.records, k.record())
		}
	}
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		select {
		case <-tick.C:
			take()
		case <-p.stop:
			tick.Stop()
			take()
			return
		}
	}
}

// decode takes the bytes as they are: reflection would cost more than the
// record did.
func decode(b []byte) (k kernelRecord) {
	if len(b) >= int(unsafe.Sizeof(k)) {
		k = *(*kernelRecord)(unsafe.Pointer(&b[0]))
	}
	return k
}

// finish detaches the programs and returns every record, those of each
// connection's last request included, and how many were lost.
func (p *programs) finish(ports map[uint16]bool) (records []record, lost uint64, err error) {
	defer p.close()
	p.detach()
	close(p.stop)
	<-p.done
	p.stop = nil
	for port := range ports {
		var b [unsafe.Sizeof(kernelRecord{})]byte
		if err := p.requests.Lookup(uint32(port), &b); err != nil {
			return nil, 0, fmt.Errorf("the last requests' records: %w", err)
		}
		if k := decode(b[:]); k.open != 0 && k.out[3] != 0 { // answered
			p.records = append(p.records, k.record())
		}
	}
	err = p.lost.Get(&lost)
	return p.records, lost, err
}

func (p *programs) detach() {
	for _, l := range p.links {
		_ = l.Close()
	}
	p.links = nil
}

// close leaves nothing behind. It may be called more than once.
func (p *programs) close() {
	p.detach()
	if p.stop != nil {
		close(p.stop)
		<-p.done
		p.stop = nil
	}
	if p.reader != nil {
		_ = p.reader.Close()
		p.reader = nil
	}
	if p.objects != nil {
		_ = p.objects.Close()
		p.objects, p.lost = nil, nil // which map the programs' variables
	}
}

// explain adds to an error what would help.
func explain(err error, needs string) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w (it takes root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN)", err)
	}
	return fmt.Errorf("%w (it takes %s)", err, needs)
}
