// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"crossing/harness/vm/mailbox"
)

// The serial ports: the kernel's messages go to the first, the command's
// output to the second. An interactive command has the first as its terminal.
const (
	console = "/dev/ttyS0"
	output  = "/dev/ttyS1"
)

// run runs the job's command and returns its exit code as a shell counts it.
func run(job *mailbox.Job) (int, error) {
	env := append([]string{
		"PATH=" + mailbox.JobDir + "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "USER=root", "LANG=C.UTF-8", "TERM=" + os.Getenv("TERM"),
		"OUT=" + mailbox.OutDir,
	}, job.Env...)
	os.Setenv("PATH", env[0][len("PATH="):]) // for LookPath
	file, err := exec.LookPath(job.Argv[0])
	if err != nil {
		return 127, nil
	}
	port := output
	if job.Interactive {
		port = console
	}
	tty, err := os.OpenFile(port, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return 0, err
	}
	stdin := tty
	if !job.Interactive {
		if err := rawOutput(tty); err != nil {
			return 0, err
		}
		if stdin, err = os.Open("/dev/null"); err != nil {
			return 0, err
		}
	}
	dir := job.Dir
	if dir == "" {
		dir = mailbox.JobDir
	}
	pid, err := syscall.ForkExec(file, job.Argv, &syscall.ProcAttr{
		Dir: dir, Env: env,
		Files: []uintptr{stdin.Fd(), tty.Fd(), tty.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: job.Interactive},
	})
	if err != nil {
		fmt.Fprintf(tty, "%s: %v\n", file, err)
		return 126, nil
	}
	code := reap(pid)
	// The port sends in its own time; what it holds must be out before power-off.
	unix.IoctlSetInt(int(tty.Fd()), unix.TCSBRK, 1)
	return code, nil
}

// reap waits for pid and for every orphan that ends before it.
func reap(pid int) int {
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR || err == nil && got != pid:
		case err != nil:
			return 255
		case status.Signaled():
			return 128 + int(status.Signal())
		case status.Exited():
			return status.ExitStatus()
		}
	}
}

// rawOutput makes the port pass bytes as they are.
func rawOutput(tty *os.File) error {
	t, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		return fmt.Errorf("%s: %w", tty.Name(), err)
	}
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
	t.Cflag |= unix.CLOCAL
	return unix.IoctlSetTermios(int(tty.Fd()), unix.TCSETS, t)
}
