// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"errors"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/prometheus/procfs"
)

const needSockops = "Linux 6.14 or later with BTF"

// sockops attaches to the control group that every process is in, and has
// transmit stamps from the server's sockets.
func sockops(t *Tracer, port uint16, namespace uint32) error {
	if err := describes(); err != nil {
		return err
	}
	group, err := unifiedGroup()
	if err != nil {
		return err
	}
	spec, err := loadSockops()
	if err != nil {
		return err
	}
	if err := errors.Join(spec.Variables["server_port"].Set(port), spec.Variables["server_net"].Set(namespace)); err != nil {
		return err
	}
	o := &sockopsObjects{}
	if err := spec.LoadAndAssign(o, nil); err != nil {
		return explain(err, needSockops)
	}
	p := &programs{objects: o, requests: o.Requests, lost: o.Lost}
	l, err := link.AttachCgroup(link.CgroupOptions{Path: group, Attach: ebpf.AttachCGroupSockOps, Program: o.SocketEvent})
	if err == nil {
		p.links = append(p.links, l)
		err = p.collect(o.Done)
	}
	if err != nil {
		p.close()
		return explain(err, needSockops)
	}
	t.programs = p
	return nil
}

// unifiedGroup is the root of the control groups, version 2.
func unifiedGroup() (string, error) {
	mounts, err := procfs.GetMounts()
	if err != nil {
		return "", err
	}
	for _, m := range mounts {
		if m.FSType == "cgroup2" {
			return m.MountPoint, nil
		}
	}
	return "", errors.New("no cgroup v2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified")
}
