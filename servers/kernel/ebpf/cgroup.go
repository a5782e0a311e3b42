// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/prometheus/procfs"
)

// A cgroup is a group of the unified hierarchy that this process made for
// itself, so that the sockops program sees its connections and no others.
type cgroup struct {
	path string
	home string // that the process came from
}

var errNoCgroup = errors.New("no cgroup v2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified")

// newCgroup makes a group below the process's own and enters it.
func newCgroup() (*cgroup, error) {
	mounts, err := procfs.GetMounts()
	if err != nil {
		return nil, err
	}
	for _, m := range mounts {
		if m.FSType != "cgroup2" {
			continue
		}
		// Groups of those that were killed: only empty ones can be removed.
		old, _ := filepath.Glob(filepath.Join(m.MountPoint, "crossing-*"))
		for _, o := range old {
			_ = os.Remove(o)
		}
		c := &cgroup{path: filepath.Join(m.MountPoint, fmt.Sprintf("crossing-%s", id())), home: m.MountPoint}
		if err := os.Mkdir(c.path, 0o755); err != nil {
			return nil, fmt.Errorf("making a cgroup: %w (it takes root)", err)
		}
		if err := enter(c.path); err != nil {
			_ = os.Remove(c.path)
			return nil, fmt.Errorf("entering a cgroup: %w", err)
		}
		return c, nil
	}
	return nil, errNoCgroup
}

func id() string {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return fmt.Sprint(os.Getpid())
	}
	return self
}

// enter puts this process into a group; 0 is the writer itself, whatever its
// number in this PID namespace is.
func enter(path string) error {
	return os.WriteFile(filepath.Join(path, "cgroup.procs"), []byte("0"), 0)
}

// remove leaves the group and takes it away.
func (c *cgroup) remove() {
	_ = enter(c.home)
	_ = os.Remove(c.path)
}
