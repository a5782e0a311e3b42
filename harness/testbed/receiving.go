// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"fmt"
	"time"

	"github.com/prometheus/procfs"
)

// Receiving is what a host's port has received so far, and where that was handled.
type Receiving struct {
	Frames uint64 // that the port received
	// Own are the frames, of any port, that the network stack handled on the
	// host's first CPU (/proc/net/softnet_stat, processed).
	Own uint64
	// Steered is how often another CPU handed frames to that CPU by RPS
	// (/proc/net/softnet_stat, received_rps).
	Steered uint64
	// NAPI is the CPU time of the threads that ThreadNAPI made, and Threads their
	// number.
	NAPI    time.Duration
	Threads int
}

// Receiving reads the host's counters.
func (h *Host) Receiving() (r Receiving, err error) {
	port, err := h.Counters()
	if err != nil {
		return r, err
	}
	r.Frames = port.RxPackets
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return r, err
	}
	stats, err := fs.NetSoftnetStat()
	if err != nil {
		return r, fmt.Errorf("where frames are handled: %w", err)
	}
	for i, s := range stats {
		cpu := i
		if s.Width >= 13 { // since Linux 5.10 a line names its CPU: an offline one has none
			cpu = int(s.Index)
		}
		if cpu == h.CPUs[0] {
			r.Own, r.Steered = uint64(s.Processed), uint64(s.ReceivedRps)
		}
	}
	r.Threads = len(h.napi)
	for _, pid := range h.napi {
		p, err := procfs.NewProc(pid)
		if err != nil {
			continue // the port has lost its XDP program, and with that its NAPI
		}
		if s, err := p.Schedstat(); err == nil {
			r.NAPI += time.Duration(s.RunningNanoseconds)
		}
	}
	return r, nil
}

// Since returns what came after an earlier reading. The kernel's counters of a
// CPU have 32 bits.
func (r Receiving) Since(before Receiving) Receiving {
	return Receiving{
		Frames: r.Frames - before.Frames, Own: uint64(uint32(r.Own - before.Own)), Steered: uint64(uint32(r.Steered - before.Steered)),
		NAPI: r.NAPI - before.NAPI, Threads: r.Threads,
	}
}

// leastOwn is the share of a port's frames that its own CPU must have handled.
const leastOwn = 0.98

// Misdirected says what is wrong where frames were not handled as s asks: the
// receiving of one end during a load. It is empty where all is well.
func (s Steering) Misdirected(end string, r Receiving) string {
	switch {
	case s != ByOwner || r.Frames == 0:
		return ""
	case r.Threads > 0 && r.NAPI == 0:
		return fmt.Sprintf("steering: the thread that receives for the %s did not run", end)
	case r.Threads > 0:
		return ""
	case r.Steered == 0:
		return fmt.Sprintf("steering: none of the %d frames that the %s received was handed to its CPU", r.Frames, end)
	case float64(r.Own) < leastOwn*float64(r.Frames):
		return fmt.Sprintf("steering: the %s received %d frames, and its CPU handled %d", end, r.Frames, r.Own)
	}
	return ""
}
