// SPDX-License-Identifier: Apache-2.0

package port

import (
	"fmt"
	"net"
	"strings"
)

// bufferSize is the length of a frame's buffer, without and with jumbo frames; of
// the latter there are fewer.
const (
	bufferSize      = 2048
	jumboBufferSize = 16384
	buffers         = 16383
	jumboBuffers    = 4095
)

// maxMTU is what the buffers hold, besides the Ethernet header, and what tcpip
// takes.
const maxMTU = 9000

const ethernetHeader = 14

// A Spec is a parsed port name.
type Spec struct {
	Kind string // af_packet, af_xdp, …
	Arg  string // interface, socket or PCI address
}

// kinds are the kinds of ports, with the name of their argument and the PMD's
// device string.
var kinds = []struct{ name, arg, vdev string }{
	{"af_packet", "IFACE", "net_af_packet0,iface=%s,blocksz=1048576,framesz=%d,framecnt=2048,qdisc_bypass=1"},
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

// linkMTU returns the MTU of the interface of a packet socket, or 0. Only those
// ports have jumbo frames: net_af_xdp has a page for each frame.
func (s Spec) linkMTU() int {
	if s.Kind != "af_packet" {
		return 0
	}
	link, err := net.InterfaceByName(s.Arg)
	if err != nil {
		return 0
	}
	return link.MTU
}

// args returns EAL's arguments for the port.
func (s Spec) args(queues int, jumbo bool) []string {
	if s.Kind == "pci" {
		return []string{"-a", s.Arg}
	}
	for _, k := range kinds {
		if k.name != s.Kind {
			continue
		}
		vdev := fmt.Sprintf(k.vdev, s.Arg)
		if s.Kind == "af_packet" {
			size := bufferSize
			if jumbo {
				size = jumboBufferSize
			}
			vdev = fmt.Sprintf(k.vdev, s.Arg, size)
		}
		if name := queueArg[s.Kind]; name != "" && queues > 1 {
			vdev += fmt.Sprintf(",%s=%d", name, queues)
		}
		return []string{"--no-pci", "--vdev", vdev}
	}
	return nil
}
