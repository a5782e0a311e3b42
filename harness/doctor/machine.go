// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"

	"crossing/harness/machine"
	"crossing/harness/vm"
)

// A Machine is where the checks look: the file system of the machine, and the
// few things that are no files. Tests give another root.
type Machine struct {
	Root    string // "/" on a real machine
	Release string // of the kernel, as uname -r
	Has     func(command string) bool
	// Testbed makes a testbed and removes it, and returns what prevented that; nil:
	// it is not tried.
	Testbed func() error
	// KVM reports whether a guest is known to run under KVM, and whether that was
	// tried at all.
	KVM func() (works, tried bool)
	// NIC tells what a network device says of itself by netlink and ethtool.
	NIC func(iface string) NIC
	// Give names what is to be taken from the kernel for DPDK: a network
	// interface, of which one virtual function is made, or a PCI address, for
	// the whole device. Empty: nothing is.
	Give string
	// SSH names the network interface by which whoever looks is connected, if
	// by ssh.
	SSH string
}

// A NIC is what a network device says of itself.
type NIC struct {
	Functions  []Function      // its virtual ones
	Features   map[string]bool // as ethtool -k names them
	RxDelayUs  uint32          // interrupt moderation: how long a received frame may wait
	Moderation bool            // the driver tells RxDelayUs
}

// A Function is a virtual function as its physical one sees it.
type Function struct {
	MAC   string // all zero: the host chose none
	Spoof bool   // frames with another source address are dropped
}

// Here is the machine at hand.
func Here() *Machine {
	return &Machine{Root: "/", Release: machine.Kernel(), Has: has, KVM: vm.KVMKnown, NIC: ask, SSH: sshInterface(os.Getenv("SSH_CONNECTION"))}
}

// sshInterface is the interface with the server's address of an ssh connection,
// as sshd leaves it in SSH_CONNECTION (ssh(1)): client, its port, server, its
// port.
func sshInterface(connection string) string {
	f := strings.Fields(connection)
	if len(f) != 4 {
		return ""
	}
	server, err := netip.ParseAddr(f[2])
	if err != nil {
		return ""
	}
	all, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, i := range all {
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == server.Unmap().WithZone("") {
				return i.Name
			}
		}
	}
	return ""
}

// TryArg is the argument with which TryTestbed starts the program again; the
// program must then call testbed.Try.
const TryArg = "try-testbed"

// TryTestbed is a Machine's Testbed. It runs in a process of its own, since a
// process may have to become another one for it.
func TryTestbed() error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, exe, TryArg).CombinedOutput(); err != nil {
		return errors.New(strings.TrimPrefix(strings.TrimSpace(string(out)), "harness: "))
	}
	return nil
}

func has(command string) bool {
	_, err := exec.LookPath(command)
	if err != nil {
		_, err = exec.LookPath("/usr/sbin/" + command)
	}
	return err == nil
}

// ask asks the kernel. What it does not tell stays zero.
func ask(iface string) NIC {
	var n NIC
	if link, err := netlink.LinkByName(iface); err == nil {
		for _, v := range link.Attrs().Vfs {
			n.Functions = append(n.Functions, Function{v.Mac.String(), v.Spoofchk})
		}
	}
	e, err := ethtool.NewEthtool()
	if err != nil {
		return n
	}
	defer e.Close()
	if f, err := e.Features(iface); err == nil {
		n.Features = f
	}
	if c, err := e.GetCoalesce(iface); err == nil {
		n.RxDelayUs, n.Moderation = c.RxCoalesceUsecs, true
	}
	return n
}

// path is a file of the machine.
func (m *Machine) path(name string) string { return filepath.Join(m.Root, name) }

// read is a file's text without the space around it, or "".
func (m *Machine) read(name string) string {
	b, err := os.ReadFile(m.path(name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (m *Machine) exists(name string) bool {
	_, err := os.Stat(m.path(name))
	return err == nil
}

// glob lists names below the root, without it.
func (m *Machine) glob(pattern string) []string {
	all, _ := filepath.Glob(m.path(pattern))
	for i := range all {
		rel, err := filepath.Rel(m.Root, all[i])
		if err == nil {
			all[i] = "/" + rel
		}
	}
	return all
}

// target is the last name of what a link leads to, or "".
func (m *Machine) target(name string) string {
	to, err := os.Readlink(m.path(name))
	if err != nil {
		return ""
	}
	return filepath.Base(to)
}
