// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/procfs"
)

// A cgroup is a group of the unified hierarchy that this process created for
// itself, so that the sockops program sees its connections and no others.
type cgroup struct{ path string }

var errNoCgroup = errors.New("no cgroup v2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified")

// newCgroup creates a group and enters it.
func newCgroup() (*cgroup, error) {
	mounts, err := procfs.GetMounts()
	if err != nil {
		return nil, err
	}
	for _, m := range mounts {
		if m.FSType != "cgroup2" {
			continue
		}
		removeOld(m.MountPoint)
		c := &cgroup{filepath.Join(m.MountPoint, prefix+id())}
		if err := os.Mkdir(c.path, 0o755); err != nil {
			return nil, fmt.Errorf("creating a cgroup: %w (it takes root)", err)
		}
		if err := enter(c.path); err != nil {
			_ = os.Remove(c.path)
			return nil, fmt.Errorf("entering a cgroup: %w", err)
		}
		return c, nil
	}
	return nil, errNoCgroup
}

// prefix is that of a group's name; the process ID follows.
const prefix = "crossing-"

// removeOld removes the groups of processes that have ended. None removes its
// own: by then it has dropped its privileges.
func removeOld(dir string) {
	old, _ := filepath.Glob(filepath.Join(dir, prefix+"*"))
	for _, o := range old {
		pid := strings.TrimPrefix(filepath.Base(o), prefix)
		if _, err := os.Stat(filepath.Join("/proc", pid)); os.IsNotExist(err) {
			_ = os.Remove(o)
		}
	}
}

// id returns the process ID in the PID namespace of /proc.
func id() string {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return fmt.Sprint(os.Getpid())
	}
	return self
}

// enter moves this process into a group; 0 is the writer itself, whatever its
// process ID in this PID namespace is.
func enter(path string) error {
	return os.WriteFile(filepath.Join(path, "cgroup.procs"), []byte("0"), 0)
}
