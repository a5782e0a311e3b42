// SPDX-License-Identifier: Apache-2.0

// Package testbed makes the wire between a client and a server on one
// machine: two network namespaces and what joins them.
//
// The namespaces have no name. They live as long as this process, or a process
// in them, holds them; when the harness is killed, even by SIGKILL, the kernel
// takes them away together with the veth pair. So there is nothing to clean up
// at the next start, and any number of testbeds stand side by side.
package testbed

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Addresses of the wire. The bypass address is on the server's end, too, but
// the kernel does not know it, so that it stays silent when a tier's own stack
// answers there.
var (
	serverIP = netip.MustParseAddr("10.78.0.1")
	clientIP = netip.MustParseAddr("10.78.0.2")
	bypassIP = netip.MustParseAddr("10.78.0.3")
)

// FramesIP is the client's when it has a stack of its own: on the client's end, and
// unknown to the kernel.
var FramesIP = netip.MustParseAddr("10.78.0.4")

// Alias marks the links that a testbed made (ip link shows it), so that a load
// generator can tell them from others.
const Alias = "crossing testbed"

// Port is where every tier listens.
const Port = 8080

// ErrPrivilege reports that this process may not make namespaces.
var ErrPrivilege = errors.New("no privilege to make network namespaces: run as root, or allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1; with AppArmor kernel.apparmor_restrict_unprivileged_userns=0), or start the container with --privileged, or with --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined")

// A Testbed is a server, a client and the wire between them.
type Testbed struct {
	Name              string
	Server, Client    *Host
	CongestionControl string   // that both hosts use
	Wire              string   // a description, for the dataset
	Steering          Steering // by Steer; empty: the ports' interrupts decide

	between *Host // of a bad wire; nil: the two are joined directly
}

// Addr is where a tier of the given boundary listens.
func (t *Testbed) Addr(boundary string) netip.AddrPort {
	if boundary == "bypass" {
		return netip.AddrPortFrom(bypassIP, Port)
	}
	return netip.AddrPortFrom(serverIP, Port)
}

// CPUs divides the machine's CPUs between server and client: the first for the
// server, the second for the client, or the same one for both where there is
// only one. More CPUs do not join in by themselves: a tier's threads are one
// of its tunables.
func CPUs() (server, client []int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, nil, fmt.Errorf("reading the CPUs that may be used: %w", err)
	}
	var all []int
	for i := 0; len(all) < set.Count(); i++ {
		if set.IsSet(i) {
			all = append(all, i)
		}
	}
	if len(all) == 1 {
		return all, all, nil
	}
	return all[:1], all[1:2], nil
}

// Netns makes a testbed on a veth pair.
func Netns() (*Testbed, error) {
	return build("netns", "veth pair", func(t *Testbed) error {
		t.Server.Iface, t.Client.Iface = "vs0", "vc0"
		attrs := netlink.NewLinkAttrs()
		attrs.Name = t.Server.Iface
		veth := &netlink.Veth{LinkAttrs: attrs, PeerName: t.Client.Iface, PeerNamespace: netlink.NsFd(t.Client.ns)}
		if err := t.Server.handle.LinkAdd(veth); err != nil {
			return fmt.Errorf("making a veth pair: %w", privilege(err))
		}
		return t.label()
	})
}

// label gives the ends of a wire that this package made their Alias.
func (t *Testbed) label() error {
	for _, h := range []*Host{t.Server, t.Client} {
		link, err := h.handle.LinkByName(h.Iface)
		if err == nil {
			err = h.handle.LinkSetAlias(link, Alias)
		}
		if err != nil {
			return fmt.Errorf("labelling %s: %w", h.Iface, err)
		}
	}
	return nil
}

// BadWire makes a testbed like that of Netns whose two veth pairs meet at a
// bridge, which sends what it has in either direction as netem says, in the
// words of tc-netem(8): "delay 2ms loss 1%". So frames suffer, too, that a
// server's own stack hands to the device past the kernel's queues. The kernel
// needs sch_netem and bridge.
func BadWire(netem string) (*Testbed, error) {
	return build("netns", "veth pairs and a bridge, netem "+netem, func(t *Testbed) error {
		t.Server.Iface, t.Client.Iface = "vs0", "vc0"
		t.between = &Host{Name: "bridge", CPUs: t.Server.CPUs}
		if err := t.between.namespace(); err != nil {
			return err
		}
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "br0"
		bridge := &netlink.Bridge{LinkAttrs: attrs}
		if err := t.between.handle.LinkAdd(bridge); err != nil {
			return fmt.Errorf("making a bridge: %w (it takes the kernel's module bridge)", privilege(err))
		}
		for _, h := range []*Host{t.Server, t.Client} {
			attrs := netlink.NewLinkAttrs()
			attrs.Name, attrs.MasterIndex = "to-"+h.Name, bridge.Index
			veth := &netlink.Veth{LinkAttrs: attrs, PeerName: h.Iface, PeerNamespace: netlink.NsFd(h.ns)}
			if err := t.between.handle.LinkAdd(veth); err != nil {
				return fmt.Errorf("making a veth pair: %w", privilege(err))
			}
			if err := t.between.handle.LinkSetUp(veth); err != nil {
				return fmt.Errorf("switching on %s: %w", attrs.Name, err)
			}
			argv := append([]string{"qdisc", "replace", "dev", attrs.Name, "root", "netem"}, strings.Fields(netem)...)
			if out, err := t.between.Command(context.Background(), "tc", argv...).CombinedOutput(); err != nil {
				return fmt.Errorf("tc %s: %w: %s (it takes the kernel's module sch_netem)", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
			}
		}
		if err := t.label(); err != nil {
			return err
		}
		return t.between.handle.LinkSetUp(bridge)
	})
}

// Ports makes a testbed of two network devices of this machine that are joined
// by a wire: a cable between two ports, or two emulated ports on one hub. The
// kernel gives them back when the testbed is closed.
func Ports(serverIface, clientIface string) (*Testbed, error) {
	return build("ports", serverIface+" to "+clientIface, func(t *Testbed) error {
		t.Server.Iface, t.Client.Iface = serverIface, clientIface
		for _, h := range []*Host{t.Server, t.Client} {
			link, err := netlink.LinkByName(h.Iface)
			if err != nil {
				return fmt.Errorf("port %s: %w (ip link lists the ports)", h.Iface, err)
			}
			if err := netlink.LinkSetNsFd(link, int(h.ns)); err != nil {
				return fmt.Errorf("giving port %s to the %s: %w", h.Iface, h.Name, privilege(err))
			}
		}
		return nil
	})
}

func build(name, wire string, join func(*Testbed) error) (_ *Testbed, err error) {
	server, client, err := CPUs()
	if err != nil {
		return nil, err
	}
	t := &Testbed{
		Name: name, Wire: wire,
		Server: &Host{Name: "server", IP: serverIP, CPUs: server},
		Client: &Host{Name: "client", IP: clientIP, CPUs: client},
	}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	for _, tool := range []string{"nsenter", "taskset", "setpriv"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%s is not here: apt-get install util-linux", tool)
		}
	}
	for _, h := range []*Host{t.Server, t.Client} {
		if err := h.namespace(); err != nil {
			return nil, err
		}
	}
	if err := join(t); err != nil {
		return nil, err
	}
	for _, h := range []*Host{t.Server, t.Client} {
		if err := h.up(); err != nil {
			return nil, err
		}
		if t.CongestionControl, err = h.settings(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Close takes the testbed away. Processes in it should have ended before.
func (t *Testbed) Close() {
	t.Server.Close()
	t.Client.Close()
	t.between.Close()
}

// namespace makes the host's namespace on a thread that then goes back to
// where it was.
func (h *Host) namespace() (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		return fmt.Errorf("finding this process's namespace: %w", err)
	}
	defer home.Close()
	if h.ns, err = netns.New(); err != nil {
		return privilege(err)
	}
	unix.CloseOnExec(int(h.ns))
	if err := netns.Set(home); err != nil {
		return fmt.Errorf("going back to this process's namespace: %w", err)
	}
	h.handle, err = netlink.NewHandleAt(h.ns)
	return err
}

// up gives the port its address and switches it on.
func (h *Host) up() error {
	if lo, err := h.handle.LinkByName("lo"); err == nil {
		if err := h.handle.LinkSetUp(lo); err != nil {
			return fmt.Errorf("switching on the %s's loopback: %w", h.Name, privilege(err))
		}
	}
	link, err := h.handle.LinkByName(h.Iface)
	if err != nil {
		return fmt.Errorf("port %s: %w", h.Iface, err)
	}
	h.MAC = link.Attrs().HardwareAddr
	addr, err := netlink.ParseAddr(h.IP.String() + "/24")
	if err != nil {
		return err
	}
	if err := h.handle.AddrReplace(link, addr); err != nil {
		return fmt.Errorf("addressing %s: %w", h.Iface, privilege(err))
	}
	if err := h.handle.LinkSetUp(link); err != nil {
		return fmt.Errorf("switching on %s: %w", h.Iface, err)
	}
	return nil
}

// settings makes the two hosts alike on every machine, whatever its own
// settings are. It returns the congestion control in use: cubic, the kernel's
// default, where a namespace may choose it, else reno.
func (h *Host) settings() (congestion string, err error) {
	err = h.Do(func() error {
		// No neighbour discovery or router solicitation on the wire.
		_ = sysctl("net/ipv6/conf/all/disable_ipv6", "1")
		if err := sysctl("net/core/somaxconn", "4096"); err != nil {
			return err
		}
		if err := sysctl("net/ipv4/tcp_max_syn_backlog", "4096"); err != nil {
			return err
		}
		if err := sysctl("net/ipv4/ip_local_port_range", "10240 65535"); err != nil {
			return err
		}
		allowed, err := os.ReadFile("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
		if err != nil {
			return err
		}
		congestion = "reno"
		if slices.Contains(strings.Fields(string(allowed)), "cubic") {
			congestion = "cubic"
		}
		return sysctl("net/ipv4/tcp_congestion_control", congestion)
	})
	return congestion, err
}

func sysctl(name, value string) error {
	if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("setting %s: %w", name, err)
	}
	return nil
}

func privilege(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w (%w)", ErrPrivilege, err)
	}
	return err
}

// ethtool changes the features of the host's port.
func (h *Host) ethtool(features ...string) error {
	out, err := h.Command(context.Background(), "ethtool", append([]string{"-K", h.Iface}, features...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ethtool -K %s: %w: %s (apt-get install ethtool, if it is not there)", h.Iface, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Plain switches off what a veth does for the kernel's own stack and a stack
// outside of it cannot use: checksums left to a device that is none, and
// segments larger than the wire's. It returns an error that names the tool
// where ethtool is missing.
func (t *Testbed) Plain() error {
	for _, h := range []*Host{t.Server, t.Client} {
		if err := h.ethtool("tx", "off", "tso", "off", "gso", "off"); err != nil {
			return err
		}
	}
	return nil
}
