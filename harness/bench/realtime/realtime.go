// SPDX-License-Identifier: Apache-2.0

// Package realtime makes what a benchmark measures real-time tasks, all at one
// priority: other work of the machine then waits, for less than the kernel's
// limit for real-time tasks (sched_rt_runtime_us, 0.95 s in each second). So
// bursts must be shorter than that.
package realtime

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"crossing/harness/load"
	"crossing/harness/testbed"
)

// Priority is that of every measured process.
const Priority = 10

// Promote makes a process and its descendants real-time tasks.
func Promote(pid int) error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: Priority}
	if err := unix.SchedSetAttr(pid, &attr, 0); err != nil {
		return fmt.Errorf("make process %d a real-time task: %w", pid, err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return err
	}
	for _, s := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		if err := Promote(child); err != nil {
			return err
		}
	}
	return nil
}

// Demote makes the calling thread an ordinary task.
func Demote() error {
	return unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
}

// Command starts programs on a host as real-time tasks.
func Command(h *testbed.Host) load.Command {
	return func(ctx context.Context, name string, arg ...string) *exec.Cmd {
		return h.Command(ctx, "chrt", append([]string{"-f", strconv.Itoa(Priority), name}, arg...)...)
	}
}
