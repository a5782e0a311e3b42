// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"crossing/data/dataset"
	"crossing/harness/instance"
	"crossing/harness/testbed"
)

// Usage is what a server and its end have used so far.
type Usage struct {
	Before, After       time.Duration // CLOCK_MONOTONIC of the server's machine around the reading
	ServerCPU           time.Duration // of the server's processes and their threads
	Busy, Kernel, Steal time.Duration // of its CPUs: not idle; of that in interrupts and softirqs; stolen
	Retransmits         int64
}

func monotonic() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail
	return time.Duration(ts.Nano())
}

// An edge is what is read at the start or at the end of the measured part.
type edge struct {
	Usage
	clientKernel time.Duration
	napi         time.Duration
}

func readEdge(w Wire, s Server) (e edge, err error) {
	received, err := w.Receiving()
	if err != nil {
		return e, err
	}
	e.napi = received.Server.NAPI
	if _, e.clientKernel, _, err = instance.BusyTime(w.Client().CPUs); err != nil {
		return e, err
	}
	e.Usage, err = s.Usage()
	return e, err
}

// edges are both.
type edges [2]edge

// enter fills in what the server used in the measured part. The readings are a
// little apart from its ends, so that what was used between them is scaled; it is
// never more than the time between them on as many CPUs.
func (e *edges) enter(r *dataset.Run) {
	start, end := &e[0], &e[1]
	between := end.After - start.Before
	if start.After == 0 || end.After == 0 || between <= 0 {
		return // the run was over before its measured part began
	}
	scale := float64(r.ElapsedNs) / float64(between)
	r.ServerCPU = int64(scale * float64(end.ServerCPU-start.ServerCPU))
	r.ServerBusy = int64(scale * float64(end.Busy-start.Busy))
	r.ServerKernel = int64(scale * float64(end.Kernel-start.Kernel))
	r.ServerNAPI = int64(scale * float64(end.napi-start.napi))
	r.ClientKernel = int64(scale * float64(end.clientKernel-start.clientKernel))
}

// counters are what is read before and after the load.
type counters struct {
	Usage
	wire uint64
	Receiving
}

func read(w Wire, s Server) (c counters, err error) {
	if c.Usage, err = s.Usage(); err != nil {
		return c, err
	}
	client := w.Client()
	if !w.Shared() {
		_, _, steal, err := instance.BusyTime(client.CPUs)
		if err != nil {
			return c, err
		}
		c.Steal += steal
	}
	// The client's port, since a DPDK server may own the other.
	port, err := client.Counters()
	if err != nil {
		return c, err
	}
	c.wire = port.RxBytes + port.TxBytes
	if c.Receiving, err = w.Receiving(); err != nil {
		return c, err
	}
	n, err := retransmits(client)
	c.Retransmits += n
	return c, err
}

func (c counters) enter(before counters, r *dataset.Run) {
	server, client := c.Server.Since(before.Server), c.Client.Since(before.Client)
	r.ServerFrames, r.ServerOwn = int64(server.Frames), int64(server.Own)
	r.ClientFrames, r.ClientOwn = int64(client.Frames), int64(client.Own)
	r.Steal = int64(c.Steal - before.Steal)
	r.WireBytes = int64(c.wire - before.wire)
	r.Retransmit = c.Retransmits - before.Retransmits
}

// retransmits reads the RetransSegs (RFC 4022) of the host's namespace.
func retransmits(h *testbed.Host) (n int64, err error) {
	err = h.Do(func() error {
		thread, err := procfs.NewProc(unix.Gettid()) // the one that is in the namespace
		if err != nil {
			return fmt.Errorf("retransmissions: %w", err)
		}
		snmp, err := thread.Snmp()
		if err != nil {
			return fmt.Errorf("retransmissions: %w", err)
		}
		if snmp.RetransSegs == nil {
			return errors.New("retransmissions: the kernel does not count them")
		}
		n = int64(*snmp.RetransSegs)
		return nil
	})
	return n, err
}
