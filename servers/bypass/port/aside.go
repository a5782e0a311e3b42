// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

package port

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// demoteOtherThreads lets the threads of this process other than those that poll run
// only where a CPU has nothing else to do (SCHED_IDLE, sched(7)).
//
// A loop that never ends looks to Go like a goroutine that should be preempted:
// its monitor thread (sysmon) then wakes up every 20 µs for as long as the loop
// runs and, where the process has only the loop's own CPU, takes that away
// thousands of times per second. SCHED_IDLE threads do not preempt. They still
// get a small share of the time, so that signals are answered.
func demoteOtherThreads(polling []int) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	idle := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil || slices.Contains(polling, tid) {
			continue
		}
		if err := unix.SchedSetAttr(tid, &idle, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("letting thread %d wait for those that poll: %w", tid, err)
		}
	}
	return nil
}
