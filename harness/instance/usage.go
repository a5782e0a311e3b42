// SPDX-License-Identifier: Apache-2.0

package instance

// What the server takes of the machine.

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// userHz is the unit of /proc/PID/stat, fixed by the kernel's ABI.
const userHz = 100

// CPUTime is the user and system time of the server, all its threads and all its
// processes since they started, in ns: the kernel's own clock of each process
// (clock_getcpuclockid(3)), and in steps of 10 ms what processes used that have
// ended since. What the kernel does for the server in other contexts (softirq,
// kernel threads) is not in it; BusyTime holds that.
func (in *Instance) CPUTime() (total time.Duration, err error) {
	err = in.processes(func(p procfs.Proc, s procfs.ProcStat) {
		var ts unix.Timespec
		// The clock's number holds the process's: see CPUCLOCK_SCHED in
		// include/linux/posix-timers.h.
		if unix.ClockGettime(int32(^p.PID<<3|2), &ts) == nil {
			total += time.Duration(ts.Nano())
		}
		total += time.Duration(max(s.CUTime, 0)+max(s.CSTime, 0)) * time.Second / userHz
	})
	return total, err
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
	for pids := []int{in.PID()}; len(pids) > 0; pids = pids[1:] {
		p, err := procfs.NewProc(pids[0])
		if err != nil {
			continue // it has just ended
		}
		if s, err := p.Stat(); err == nil {
			show(p, s)
		}
		below, err := children(p.PID)
		if err != nil {
			return fmt.Errorf("server's processes: %w", err)
		}
		pids = append(pids, below...)
	}
	return nil
}

// children are the processes that any thread of the process pid started.
func children(pid int) (all []int, err error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		b, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has just ended
		}
		for _, word := range strings.Fields(string(b)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				return nil, fmt.Errorf("%s: %q", list, b)
			}
			all = append(all, child)
		}
	}
	return all, nil
}

// BusyTime is how long the given CPUs have not been idle, how much of that they
// spent in interrupts and softirqs, and how long they were stolen by the
// hypervisor, since boot, in steps of 10 ms.
func BusyTime(cpus []int) (busy, kernel, steal time.Duration, err error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, 0, 0, err
	}
	stat, err := fs.Stat()
	if err != nil {
		return 0, 0, 0, fmt.Errorf("CPUs' busy time: %w", err)
	}
	for _, c := range cpus {
		s := stat.CPU[int64(c)]
		busy += seconds(s.User + s.Nice + s.System + s.IRQ + s.SoftIRQ)
		kernel += seconds(s.IRQ + s.SoftIRQ)
		steal += seconds(s.Steal)
	}
	return busy, kernel, steal, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
