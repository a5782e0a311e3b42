// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestStandAside looks at how the kernel schedules the server's threads: the
// one that polls as any other task, all others when there is nothing else to
// run. Even so a signal must end it soon.
func TestStandAside(t *testing.T) {
	b := newBed(t, direct)
	s := b.serve("af_packet:ts0")
	b.ask("hash", "/100") // by now it polls
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(s.c.Process.Pid) + "/task/*")
	if err != nil || len(tasks) < 3 {
		t.Fatalf("its threads: %v, %v", tasks, err)
	}
	var polling []string
	for _, task := range tasks {
		tid, err := strconv.Atoi(filepath.Base(task))
		if err != nil {
			t.Fatal(err)
		}
		attr, err := unix.SchedGetAttr(tid, 0)
		if err != nil {
			t.Fatal(err)
		}
		if attr.Policy != unix.SCHED_IDLE {
			name, _ := os.ReadFile(task + "/comm")
			polling = append(polling, string(name))
		}
	}
	if len(polling) != 1 {
		t.Errorf("%d of %d threads do not stand aside: %q; want the one that polls", len(polling), len(tasks), polling)
	}
	began := time.Now()
	s.stop(syscall.SIGTERM)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to end", took)
	}
}
