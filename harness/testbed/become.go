// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// becameEnv marks a process that Become started.
const becameEnv = "CROSSING_USERNS"

// Become gives a process without privileges what a testbed needs: it runs the same
// command again in a user namespace of its own, with the capabilities to make
// networks there, and ends with that one's exit status. For a process that has
// them it does nothing; root in a container may lack them. Where user namespaces
// are not allowed it returns ErrPrivilege.
func Become() error {
	if capable() || os.Getenv(becameEnv) != "" {
		return nil
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(exe, os.Args[1:]...)
	cmd.Env = append(os.Environ(), becameEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		// With a network namespace of its own: a thread that has been in a
		// testbed's may go back only to one that this user owns.
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}},
		// The user stays who it is, as servers dislike to be root; only what
		// makes testbeds is passed on.
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN},
		Pdeathsig:   syscall.SIGKILL,
	}
	// Pdeathsig counts from the end of the thread that forks.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil { // EPERM, too, where seccomp forbids it
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EACCES) {
			return fmt.Errorf("%w (%w)", ErrPrivilege, err)
		}
		return err
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	if err := cmd.Wait(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return err
		}
		os.Exit(max(exit.ExitCode(), 1))
	}
	os.Exit(0)
	return nil
}

// capable reports whether this process may make network namespaces and mounts:
// CAP_SYS_ADMIN and CAP_NET_ADMIN are effective.
func capable() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return os.Geteuid() == 0
	}
	const need = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN // both below 32
	return data[0].Effective&need == need
}

// Try makes a testbed and removes it: what a sweep would do first. It may run
// this program again, as Become does.
func Try() error {
	if err := Become(); err != nil {
		return err
	}
	bed, err := Netns()
	if err != nil {
		return err
	}
	bed.Close()
	return nil
}
