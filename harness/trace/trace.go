// Package trace takes the server's side of each request: when it passed each
// point of its way through the kernel that the server runs on. It needs nothing
// of the server, so Apache, nginx and Flask are traced as they are.
//
// It costs one to two microseconds per request. A run that is traced is marked
// and never compared with one that is not, but paired with one, so that the
// cost is known.
package trace

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

//go:generate go tool bpf2go -go-package trace -target bpfel -cc clang -cflags "-O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu" trace trace.bpf.c

// ErrUnavailable says that this machine cannot trace.
var ErrUnavailable = errors.New("no stage tracer here")

// record is a request's record as the kernel writes it (struct record).
type record struct {
	offset uint64
	at     [9]uint64 // device, tcp, ready, woken, oncpu, recv, send, first, last
	port   uint32
	open   uint32
}

// A Tracer is attached and takes records.
type Tracer struct {
	objects traceObjects
	links   []link.Link
	reader  *ringbuf.Reader
	records []record
	stop    chan struct{}
	done    chan struct{}
	// Missing are the points that this kernel has no tracepoint for.
	Missing []string
}

// Start attaches the tracer to the server that listens on port in the network
// namespace with the given inode (that of /proc/PID/ns/net). A tracepoint that
// the kernel lacks leaves its point out and is named in Missing; where none
// can be attached, or the essential ones cannot, the error is ErrUnavailable
// and says what to do.
func Start(port uint16, namespace uint32) (*Tracer, error) {
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, unavailable(err)
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		return nil, fmt.Errorf("%w: the kernel has no BTF (CONFIG_DEBUG_INFO_BTF); use client stamps instead (stamps: true)", ErrUnavailable)
	}
	spec, err := loadTrace()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(spec.Variables["server_port"].Set(port), spec.Variables["server_net"].Set(namespace)); err != nil {
		return nil, err
	}
	t := &Tracer{stop: make(chan struct{}), done: make(chan struct{})}
	t.leaveOut(spec)
	if err := spec.LoadAndAssign(&t.objects, nil); err != nil {
		return nil, unavailable(err)
	}
	for _, p := range t.programs() {
		l, err := link.AttachTracing(link.TracingOptions{Program: p.program})
		if err != nil {
			t.close()
			return nil, unavailable(fmt.Errorf("attaching to %s: %w", p.tracepoint, err))
		}
		t.links = append(t.links, l)
	}
	if t.reader, err = ringbuf.NewReader(t.objects.Done); err != nil {
		t.close()
		return nil, unavailable(err)
	}
	go t.drain()
	return t, nil
}

// essential are the tracepoints without which a record is no record.
var essential = map[string]bool{"tcp_probe": true, "net_dev_start_xmit": true}

// leaveOut makes programs whose tracepoint this kernel lacks do nothing.
func (t *Tracer) leaveOut(spec *ebpf.CollectionSpec) {
	for name, p := range spec.Programs {
		tracepoint := p.AttachTo
		probe, err := ebpf.NewProgramWithOptions(&ebpf.ProgramSpec{
			Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: tracepoint,
			Instructions: nothing, License: "GPL",
		}, ebpf.ProgramOptions{LogDisabled: true})
		if err == nil {
			probe.Close()
			continue
		}
		if !essential[tracepoint] && !errors.Is(err, unix.EPERM) {
			t.Missing = append(t.Missing, tracepoint)
			spec.Programs[name].AttachTo = "sched_switch" // exists everywhere
			spec.Programs[name].Instructions = nothing
		}
	}
}

type attachable struct {
	tracepoint string
	program    *ebpf.Program
}

func (t *Tracer) programs() []attachable {
	o := &t.objects
	all := []attachable{
		{"netif_receive_skb", o.Device}, {"tcp_probe", o.Tcp}, {"sk_data_ready", o.Ready},
		{"sched_waking", o.Wake}, {"sched_switch", o.Run}, {"sock_recv_length", o.Recv},
		{"tcp_sendmsg_locked", o.Send}, {"net_dev_start_xmit", o.Xmit},
	}
	var here []attachable
	for _, a := range all {
		if !slices.Contains(t.Missing, a.tracepoint) {
			here = append(here, a)
		}
	}
	return here
}

func unavailable(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: %w (it takes root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN)", ErrUnavailable, err)
	default:
		return fmt.Errorf("%w: %w (it takes Linux 6.3 or later with BTF)", ErrUnavailable, err)
	}
}

// drain moves records out of the ring five times per second; in between the
// ring holds them, so that no wake-up disturbs the run.
func (t *Tracer) drain() {
	defer close(t.done)
	var r ringbuf.Record
	take := func() {
		if err := t.reader.Flush(); err != nil {
			return
		}
		for t.reader.ReadInto(&r) == nil {
			t.records = append(t.records, decode(r.RawSample))
		}
	}
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		select {
		case <-tick.C:
			take()
		case <-t.stop:
			tick.Stop()
			take()
			return
		}
	}
}

// decode takes the bytes as they are: reflection would cost more than the
// record did.
func decode(b []byte) (r record) {
	if len(b) >= int(unsafe.Sizeof(r)) {
		r = *(*record)(unsafe.Pointer(&b[0]))
	}
	return r
}

// finish detaches the tracer and returns every record, those of each
// connection's last request included, and how many were lost.
func (t *Tracer) finish(ports map[uint16]bool) (records []record, lost uint64, err error) {
	for _, l := range t.links {
		_ = l.Close()
	}
	t.links = nil
	close(t.stop)
	<-t.done
	defer t.close()
	for port := range ports {
		var b [unsafe.Sizeof(record{})]byte
		if err := t.objects.Requests.Lookup(uint32(port), &b); err != nil {
			return nil, 0, fmt.Errorf("the last requests' records: %w", err)
		}
		if r := decode(b[:]); r.open != 0 && r.at[7] != 0 {
			t.records = append(t.records, r)
		}
	}
	err = t.objects.Lost.Get(&lost)
	return t.records, lost, err
}

func (t *Tracer) close() {
	for _, l := range t.links {
		_ = l.Close()
	}
	if t.reader != nil {
		_ = t.reader.Close()
	}
	_ = t.objects.Close()
}
