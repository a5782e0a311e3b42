// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// End makes one end of a wire whose other end is no business of this process:
// name is server or client, iface the port, moved to a namespace of its own
// until Close. An empty iface leaves the namespace without a port, as where
// user space drives it. cpus are those that the end's processes may use; none:
// as CPUs divides them. It returns the congestion control in use, too.
func End(name, iface string, cpus []int) (_ *Host, congestion string, err error) {
	server, client, err := CPUs()
	if err != nil {
		return nil, "", err
	}
	h := &Host{Name: name, Iface: iface, IP: serverIP, CPUs: server}
	if name == "client" {
		h.IP, h.CPUs = clientIP, client
	}
	if len(cpus) > 0 {
		h.CPUs = slices.Clone(cpus)
	}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	if err := h.namespace(); err != nil {
		return nil, "", err
	}
	if iface != "" {
		link, err := netlink.LinkByName(iface)
		if err != nil {
			return nil, "", fmt.Errorf("port %s: %w (ip link lists the ports)", iface, err)
		}
		if err := netlink.LinkSetNsFd(link, int(h.ns)); err != nil {
			return nil, "", fmt.Errorf("giving port %s to the %s: %w", iface, name, privilege(err))
		}
		if h.home, err = netns.Get(); err != nil {
			return nil, "", err
		}
		if err := h.up(); err != nil {
			return nil, "", err
		}
	}
	if congestion, err = h.settings(); err != nil {
		return nil, "", err
	}
	// An end outlives many servers: none is to profit from what was learnt of another.
	err = h.Do(func() error { return sysctl("net/ipv4/tcp_no_metrics_save", "1") })
	return h, congestion, err
}

// Apart is the server's end of a wire whose client is another machine's, which
// is known by its MAC alone.
func Apart(name string, server *Host, client net.HardwareAddr) *Testbed {
	return &Testbed{Name: name, Server: server, Client: &Host{Name: "client", IP: clientIP, MAC: client}}
}
