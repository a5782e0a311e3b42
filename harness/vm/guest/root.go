// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"crossing/harness/vm/mailbox"
)

type mount struct {
	source, target, fstype, options string
	optional                        bool // a kernel without it can still be used
}

func do(root string, mounts []mount) error {
	for _, m := range mounts {
		target := root + m.target
		if err := os.MkdirAll(target, 0o755); err != nil {
			if m.optional {
				continue
			}
			return err
		}
		if err := unix.Mount(m.source, target, m.fstype, 0, m.options); err != nil && !m.optional {
			return fmt.Errorf("mount %s on %s: %w", m.fstype, target, err)
		}
	}
	return nil
}

// mountKernel mounts what the kernel shows of itself below root.
func mountKernel(root string) error {
	return do(root, []mount{
		{source: "proc", target: "/proc", fstype: "proc"},
		{source: "sys", target: "/sys", fstype: "sysfs"},
		{source: "dev", target: "/dev", fstype: "devtmpfs"},
	})
}

// enterRoot makes Debian's file system the root: read-only squashfs below,
// memory above. What is written there is gone with the machine.
func enterRoot() error {
	const lower, upper, root = "/lower", "/upper", "/newroot"
	device, err := attachLoop(mailbox.RootFS)
	if err != nil {
		return err
	}
	for _, dir := range []string{lower, upper, root} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount(device, lower, "squashfs", unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mount %s: %w", mailbox.RootFS, err)
	}
	if err := unix.Mount("upper", upper, "tmpfs", 0, "size=50%"); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	for _, dir := range []string{upper + "/files", upper + "/work"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	options := "lowerdir=" + lower + ",upperdir=" + upper + "/files,workdir=" + upper + "/work"
	if err := unix.Mount("root", root, "overlay", 0, options); err != nil {
		return fmt.Errorf("mount overlay: %w", err)
	}
	for _, dir := range []string{mailbox.JobDir, "/lib/modules"} {
		if err := bind(dir, root+dir); err != nil {
			return err
		}
	}
	if err := mountKernel(root); err != nil {
		return err
	}
	if err := unix.Chroot(root); err != nil {
		return fmt.Errorf("chroot: %w", err)
	}
	return os.Chdir("/")
}

func bind(from, to string) error {
	if err := os.MkdirAll(from, 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", to, err)
	}
	return nil
}

// attachLoop gives the file a block device and returns its path.
func attachLoop(file string) (string, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("the kernel has no loop devices: %w", err)
	}
	defer control.Close()
	n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return "", fmt.Errorf("free loop device: %w", err)
	}
	device := "/dev/loop" + strconv.Itoa(n)
	loop, err := os.OpenFile(device, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	// Not closed: autoclear would detach it before it is mounted.
	backing, err := os.Open(file)
	if err != nil {
		return "", err
	}
	config := unix.LoopConfig{Fd: uint32(backing.Fd())}
	config.Info.Flags = unix.LO_FLAGS_READ_ONLY
	if err := unix.IoctlLoopConfigure(int(loop.Fd()), &config); err != nil {
		return "", fmt.Errorf("attach %s to %s: %w", file, device, err)
	}
	return device, nil
}

// mountRest mounts what programs expect of a running system and brings the
// loopback interface up.
func mountRest(job *mailbox.Job) error {
	for _, dir := range []string{mailbox.OutDir, "/run/lock", "/var/log/apache2"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	err := do("", []mount{
		{source: "pts", target: "/dev/pts", fstype: "devpts", options: "ptmxmode=666"},
		{source: "shm", target: "/dev/shm", fstype: "tmpfs"},
		{source: "tmp", target: "/tmp", fstype: "tmpfs", options: "mode=1777"},
		{source: "run", target: "/run", fstype: "tmpfs", options: "mode=755"},
		{source: "out", target: mailbox.OutDir, fstype: "tmpfs"},
		{source: "debug", target: "/sys/kernel/debug", fstype: "debugfs", optional: true},
		{source: "trace", target: "/sys/kernel/tracing", fstype: "tracefs", optional: true},
		{source: "cgroup", target: "/sys/fs/cgroup", fstype: "cgroup2", optional: true},
		{source: "bpf", target: "/sys/fs/bpf", fstype: "bpf", optional: true},
		{source: "huge", target: "/dev/hugepages", fstype: "hugetlbfs", options: "pagesize=2M", optional: true},
	})
	if err != nil {
		return err
	}
	for link, target := range map[string]string{
		"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0",
		"/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
	} {
		os.Symlink(target, link)
	}
	if err := os.MkdirAll("/run/lock", 0o1777); err != nil {
		return err
	}
	if job.Hugepages > 0 {
		const file = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
		if err := os.WriteFile(file, []byte(strconv.Itoa(job.Hugepages)), 0o644); err != nil {
			return fmt.Errorf("reserve %d hugepages: %w", job.Hugepages, err)
		}
	}
	return linkUp("lo")
}

func linkUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("raise %s: %w", name, err)
	}
	return nil
}
