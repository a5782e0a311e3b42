// SPDX-License-Identifier: Apache-2.0

package port

import (
	"fmt"
	"strings"
)

// A Spec is a parsed port name.
type Spec struct {
	Kind string // af_packet, af_xdp, …
	Arg  string // interface, socket or PCI address
}

// kinds are the kinds of ports, with the name of their argument and the PMD's
// device string.
var kinds = []struct{ name, arg, vdev string }{
	{"af_packet", "IFACE", "net_af_packet0,iface=%s,blocksz=1048576,framesz=2048,framecnt=2048,qdisc_bypass=1"},
	// busy_budget: with the default of 64 each empty poll is a system call.
	{"af_xdp", "IFACE", "net_af_xdp0,iface=%s,busy_budget=0"},
	{"tap", "IFACE", "net_tap0,iface=%s"},
	{"memif-server", "SOCKET", "net_memif0,role=server,id=0,socket=%s,socket-abstract=no,rsize=11,bsize=2048"},
	{"memif-client", "SOCKET", "net_memif0,role=client,id=0,socket=%s,socket-abstract=no,rsize=11,bsize=2048"},
	{"vhost", "SOCKET", "net_vhost0,iface=%s"},
	{"virtio-user", "SOCKET", "net_virtio_user0,path=%s,queue_size=1024,server=0"},
	{"vf", "IFACE", ""},
	{"pci", "ADDRESS", ""},
}

// queueArg is what each PMD calls the number of its queue pairs; the others
// take it from their configuration.
var queueArg = map[string]string{
	"af_packet": "qpairs", "af_xdp": "queue_count", "vhost": "queues", "virtio-user": "queues",
}

// Parse parses a port's name.
func Parse(name string) (Spec, error) {
	kind, arg, _ := strings.Cut(name, ":")
	var usage []string
	for _, k := range kinds {
		if k.name != kind {
			usage = append(usage, k.name+":"+k.arg)
			continue
		}
		if arg == "" || strings.ContainsAny(arg, ", \t\n") {
			return Spec{}, fmt.Errorf("port %q: what follows %s: must be one %s", name, kind, k.arg)
		}
		return Spec{kind, arg}, nil
	}
	return Spec{}, fmt.Errorf("port %q: no such kind; there are %s", name, strings.Join(usage, ", "))
}

// String returns the port's name.
func (s Spec) String() string { return s.Kind + ":" + s.Arg }

// args returns EAL's arguments for the port.
func (s Spec) args(queues int) []string {
	if s.Kind == "pci" {
		return []string{"-a", s.Arg}
	}
	for _, k := range kinds {
		if k.name != s.Kind {
			continue
		}
		vdev := fmt.Sprintf(k.vdev, s.Arg)
		if name := queueArg[s.Kind]; name != "" && queues > 1 {
			vdev += fmt.Sprintf(",%s=%d", name, queues)
		}
		return []string{"--no-pci", "--vdev", vdev}
	}
	return nil
}
