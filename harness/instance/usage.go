// SPDX-License-Identifier: Apache-2.0

package instance

// What the server takes of the machine.

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
	var ticks uint64
	err := in.processes(func(_ procfs.Proc, s procfs.ProcStat) {
		ticks += uint64(s.UTime) + uint64(s.STime) + uint64(max(s.CUTime, 0)) + uint64(max(s.CSTime, 0))
	})
	return time.Duration(ticks) * time.Second / userHz, err
}

// Holdings are the bytes of memory that the server and all its processes have
// in RAM, counting what they share once for each, and their open files.
func (in *Instance) Holdings() (rssBytes int64, files int, err error) {
	err = in.processes(func(p procfs.Proc, s procfs.ProcStat) {
		rssBytes += int64(s.ResidentMemory())
		if n, err := p.FileDescriptorsLen(); err == nil {
			files += n
		}
	})
	return rssBytes, files, err
}

// processes shows the server's first process and all below it.
func (in *Instance) processes(show func(procfs.Proc, procfs.ProcStat)) error {
	all, err := procfs.AllProcs()
	if err != nil {
		return fmt.Errorf("server's processes: %w", err)
	}
	stats := make(map[int]procfs.ProcStat, len(all))
	for _, p := range all {
		if s, err := p.Stat(); err == nil { // or it has just ended
			stats[p.PID] = s
		}
	}
	root := in.PID()
	for _, p := range all {
		s, ok := stats[p.PID]
		for pid := p.PID; ok && pid > 1; pid = stats[pid].PPID {
			if pid == root {
				show(p, s)
				break
			}
		}
	}
	return nil
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
