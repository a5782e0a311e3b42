// SPDX-License-Identifier: Apache-2.0

// Command guest is the first program in the virtual machine. It builds the
// machine's file system, runs one command and hands back what the command left.
//
// It is process 1, static, and alone in the initial file system: no shell, no
// udev, no service manager, so that nothing runs beside what is measured and
// the same input takes the same path each time.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"crossing/harness/vm/mailbox"
)

func main() {
	debug.SetGCPercent(-1) // short-lived; no collector threads beside the measurement
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "guest: this is the init program of the virtual machine; run 'harness vm run -- CMD'")
		os.Exit(2)
	}
	box, err := boot()
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		if box != nil {
			box.fail(err)
		}
	}
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}

// boot does all the work. The mailbox is returned with an error, too, as soon
// as there is one.
func boot() (*outbox, error) {
	if err := mountKernel(""); err != nil {
		return nil, err
	}
	job, err := readJob()
	if err != nil {
		return nil, err
	}
	box, err := openOutbox()
	if err != nil {
		return nil, err
	}
	for _, m := range job.Modules {
		if err := loadModule(m); err != nil {
			return box, err
		}
	}
	if err := enterRoot(); err != nil {
		return box, err
	}
	if err := mountRest(job); err != nil {
		return box, err
	}
	box.start()
	code, err := run(job)
	if err != nil {
		return box, err
	}
	return box, box.finish(code, uptime())
}

func readJob() (*mailbox.Job, error) {
	data, err := os.ReadFile(mailbox.JobPath)
	if err != nil {
		return nil, err
	}
	job := new(mailbox.Job)
	if err := json.Unmarshal(data, job); err != nil {
		return nil, fmt.Errorf("%s: %w", mailbox.JobPath, err)
	}
	if len(job.Argv) == 0 {
		return nil, fmt.Errorf("%s: no command", mailbox.JobPath)
	}
	return job, nil
}

// loadModule loads one kernel module. One that the kernel has already is fine.
func loadModule(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST {
		return fmt.Errorf("load %s: %w", filepath.Base(file), err)
	}
	return nil
}

func uptime() time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return time.Duration(ts.Nano())
}
