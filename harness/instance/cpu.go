package instance

import (
	"fmt"
	"time"

	"github.com/prometheus/procfs"
)

// userHz is the unit of /proc/PID/stat, fixed by the kernel's ABI.
const userHz = 100

// CPUTime is the user and system time of the server and all its processes.
// What the kernel does for it in other contexts (softirq, kernel threads) is
// not in it; BusyTime holds that.
func (in *Instance) CPUTime() (time.Duration, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return 0, fmt.Errorf("server's CPU time: %w", err)
	}
	type node struct {
		parent int
		ticks  uint64
	}
	nodes := make(map[int]node, len(all))
	for _, p := range all {
		s, err := p.Stat()
		if err != nil {
			continue // it has just ended
		}
		nodes[p.PID] = node{s.PPID, uint64(s.UTime) + uint64(s.STime) + uint64(max(s.CUTime, 0)) + uint64(max(s.CSTime, 0))}
	}
	var ticks uint64
	root := in.PID()
	for pid, n := range nodes {
		for p := pid; p > 1; p = nodes[p].parent {
			if p == root {
				ticks += n.ticks
				break
			}
		}
	}
	return time.Duration(ticks) * time.Second / userHz, nil
}

// BusyTime is how long the given CPUs have not been idle, and how long they
// were stolen by the hypervisor, since boot.
func BusyTime(cpus []int) (busy, steal time.Duration, err error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, 0, err
	}
	stat, err := fs.Stat()
	if err != nil {
		return 0, 0, fmt.Errorf("CPUs' busy time: %w", err)
	}
	for _, c := range cpus {
		s := stat.CPU[int64(c)]
		busy += seconds(s.User + s.Nice + s.System + s.IRQ + s.SoftIRQ)
		steal += seconds(s.Steal)
	}
	return busy, steal, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
