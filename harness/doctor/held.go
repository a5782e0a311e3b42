// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// held says why a PCI device is never taken from the kernel: the machine would
// lose its network or a disk that it uses. It is empty for one that may be
// taken.
func (m *Machine) held(address string) string {
	for _, n := range m.glob("/sys/bus/pci/devices/" + address + "/net/*") {
		name := path.Base(n)
		if m.SSH != "" && m.standsOn(m.SSH, name) {
			return name + " carries this ssh connection"
		}
		if m.routesBy(name) {
			return name + " carries the default route"
		}
	}
	for line := range strings.Lines(m.read("/proc/self/mountinfo")) {
		// proc(5): ID, parent, device number, root, mount point, …, "-", type, source
		f := strings.Fields(line)
		_, after, ok := strings.Cut(line, " - ")
		if len(f) < 5 || !ok {
			continue
		}
		disks := []string{"/sys/dev/block/" + f[2]}
		if source := strings.Fields(after); len(source) > 1 { // some file systems have a number of their own
			disks = append(disks, "/sys/class/block/"+path.Base(source[1]))
		}
		for _, d := range disks {
			if m.liesOn(d, address) {
				return fmt.Sprintf("%s carries what is mounted at %s", address, f[4])
			}
		}
	}
	for line := range strings.Lines(m.read("/proc/swaps")) {
		if f := strings.Fields(line); len(f) > 1 && m.liesOn("/sys/class/block/"+path.Base(f[0]), address) {
			return address + " carries the swap device " + f[0]
		}
	}
	return ""
}

// liesOn reports whether a block device hangs, itself or by those that it is made
// of, below a PCI device.
func (m *Machine) liesOn(block, address string) bool {
	real, err := filepath.EvalSymlinks(m.path(block))
	if err != nil {
		return false
	}
	if strings.Contains(real+"/", "/"+address+"/") {
		return true
	}
	for _, part := range m.glob(block + "/slaves/*") {
		if m.liesOn(part, address) {
			return true
		}
	}
	return false
}

// routesBy reports whether a default route leaves by the device, or by one on top
// of it: a bridge, a bond, a VLAN. Destination and mask of such a route are
// zero (proc(5), /proc/net/route; net/ipv6/route.c for the other).
func (m *Machine) routesBy(name string) bool {
	for line := range strings.Lines(m.read("/proc/net/route")) {
		if f := strings.Fields(line); len(f) > 7 && f[1] == "00000000" && f[7] == "00000000" && m.standsOn(f[0], name) {
			return true
		}
	}
	for line := range strings.Lines(m.read("/proc/net/ipv6_route")) {
		if f := strings.Fields(line); len(f) > 9 && strings.Trim(f[0], "0") == "" && f[1] == "00" && m.standsOn(f[9], name) {
			return true
		}
	}
	return false
}

// standsOn reports whether a network device is another one, or sends by it.
func (m *Machine) standsOn(name, lower string) bool {
	if name == lower {
		return true
	}
	const prefix = "lower_"
	for _, l := range m.glob("/sys/class/net/" + name + "/" + prefix + "*") {
		if m.standsOn(strings.TrimPrefix(path.Base(l), prefix), lower) {
			return true
		}
	}
	return false
}
