// SPDX-License-Identifier: Apache-2.0

// Package netns makes network namespaces that last as long as the benchmark that
// made them.
package netns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Namespace is a network namespace, held by a sleeping process.
type Namespace struct{ sleeper *exec.Cmd }

// New makes a network namespace.
func New() (*Namespace, error) {
	c := exec.Command("sleep", "infinity")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return nil, err
	}
	return &Namespace{c}, nil
}

// Close ends the namespace's process. The namespace ends with its last user.
func (n *Namespace) Close() {
	_ = n.sleeper.Process.Kill()
	_ = n.sleeper.Wait()
}

// PID returns the process that holds the namespace.
func (n *Namespace) PID() int { return n.sleeper.Process.Pid }

// Command returns a command that runs in the namespace, in a session of its own.
func (n *Namespace) Command(argv ...string) *exec.Cmd {
	c := exec.Command("nsenter", append([]string{"-t", fmt.Sprint(n.PID()), "-n"}, argv...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	return c
}

// Shell runs lines of shell in the namespace, with its own /sys, one by one.
func (n *Namespace) Shell(lines ...string) error {
	for _, line := range lines {
		c := n.Command("unshare", "--mount", "sh", "-c", "mount -t sysfs sysfs /sys && "+line)
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// Do calls f on a thread in the namespace. Sockets that f opens stay in it.
func (n *Namespace) Do(f func() error) error {
	// A thread that is left in the namespace could not be used for anything else,
	// and must not end either: those that started processes take them along.
	runtime.LockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer own.Close()
	theirs, err := os.Open(filepath.Join("/proc", fmt.Sprint(n.PID()), "ns/net"))
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer theirs.Close()
	if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("setns: %w", err)
	}
	err = f()
	if back := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); back != nil {
		return errors.Join(err, fmt.Errorf("setns: %w", back)) // and the thread stays locked
	}
	runtime.UnlockOSThread()
	return err
}

// Favour gives a started command that has its own session precedence over the
// machine's other work: where sessions are scheduled as groups, its niceness alone
// does nothing.
func Favour(c *exec.Cmd) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", c.Process.Pid), []byte("-15"), 0)
}

// Start starts a server and waits until it is ready. Stop ends it.
func Start(ctx context.Context, c *exec.Cmd, ready func() bool) (stop func(), err error) {
	c.Stdout, c.Stderr = io.Discard, io.Discard
	if err := c.Start(); err != nil {
		return nil, err
	}
	Favour(c)
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	stop = func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = c.Process.Kill()
			<-ended
		}
	}
	for deadline := time.Now().Add(20 * time.Second); !ready(); time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended:
			return nil, fmt.Errorf("%s ended at once", strings.Join(c.Args, " "))
		case <-ctx.Done():
			stop()
			return nil, ctx.Err()
		default:
		}
		if time.Now().After(deadline) {
			stop()
			return nil, fmt.Errorf("%s does not answer", strings.Join(c.Args, " "))
		}
	}
	return stop, nil
}
