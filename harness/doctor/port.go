// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"crossing/harness/change"
)

// port is what a NIC that is taken from the kernel needs.
var port = []check{
	{"IOMMU", func(m *Machine) Finding {
		if !m.iommu() {
			return blocks("off", "switch VT-d or AMD-Vi on in the firmware and boot with intel_iommu=on or amd_iommu=on", sriovBed)
		}
		return fine("on")
	}},
	{"SR-IOV ports", func(m *Machine) Finding {
		ports := m.virtualPorts()
		if len(ports) == 0 {
			return blocks("none", "a NIC whose driver offers virtual functions (the paper's: Intel 82576, driver igb); the vm testbed emulates one", sriovBed)
		}
		var words []string
		for _, p := range ports {
			words = append(words, fmt.Sprintf("%s (%s) has %s of %s functions", p.name, p.address, m.read(p.device()+"/sriov_numvfs"), p.functions))
		}
		return fine(strings.Join(words, ", "))
	}},
	{"IOMMU groups", func(m *Machine) Finding {
		var shared []string
		for _, p := range m.concerned() {
			addresses := []string{p.address}
			for _, v := range m.glob(p.device() + "/virtfn*") {
				addresses = append(addresses, m.target(v))
			}
			for _, a := range addresses {
				if others := m.groupOf(a); len(others) > 0 {
					shared = append(shared, fmt.Sprintf("%s of %s shares its group with %s", a, p.name, strings.Join(others, ", ")))
				}
			}
		}
		if len(shared) > 0 {
			return blocks(strings.Join(shared, "; "), `DPDK would say "VFIO group is not viable": move the card to a slot whose bridge has ACS, or switch ACS on in the firmware; a whole device can be given together with its group (--give ADDRESS)`, sriovBed)
		}
		return fine("each port is alone in its own")
	}},
	{"ports in use", func(m *Machine) Finding {
		var used []string
		for _, p := range m.concerned() {
			if why := m.held(p.address); why != "" {
				used = append(used, why)
			}
		}
		if len(used) > 0 {
			return blocks(strings.Join(used, ", "), "it is never taken from the kernel: use another port, or route by another device first", sriovBed)
		}
		return fine("no port that could be taken carries the default route or a mounted disk")
	}},
	{"function addresses", func(m *Machine) Finding {
		var bad, good []string
		for _, p := range m.concerned() {
			for i, f := range m.NIC(p.name).Functions {
				what := fmt.Sprintf("function %d of %s has %s, spoof check %s", i, p.name, f.MAC, onOff(f.Spoof))
				if strings.Trim(f.MAC, "0:") == "" {
					bad = append(bad, what)
				} else {
					good = append(good, what)
				}
			}
		}
		if len(bad) > 0 {
			return warn(strings.Join(bad, "; "), "the function takes another random address each time: ip link set PORT vf N mac ADDRESS")
		}
		if len(good) > 0 {
			return fine(strings.Join(good, "; ") + " (a server must send with its function's own address)")
		}
		return fine("no functions are made")
	}},
	{"offloads", func(m *Machine) Finding {
		var on []string
		for _, p := range m.concerned() {
			features := m.NIC(p.name).Features
			for _, name := range slices.Sorted(maps.Keys(features)) {
				if features[name] && slices.Contains(larger, name) {
					on = append(on, p.name+" "+name)
				}
			}
		}
		if len(on) > 0 {
			return warn(strings.Join(on, ", "), "the kernel's tiers gain by them with large files, and a stack past the kernel has none: compare with ethtool -K PORT gro off lro off tso off gso off, too")
		}
		return fine("none that joins or cuts segments")
	}},
	{"interrupt moderation", func(m *Machine) Finding {
		var found []string
		var steps []change.Step
		for _, p := range m.concerned() {
			n := m.NIC(p.name)
			if !n.Moderation || n.RxDelayUs == 0 {
				continue
			}
			found = append(found, fmt.Sprintf("%s rx-usecs %d", p.name, n.RxDelayUs))
			// One that is given whole is not the kernel's to set.
			given := p.address == m.Give || slices.Contains(m.groupOf(m.Give), p.address)
			if !given && m.held(p.address) == "" {
				steps = append(steps, unmoderated(p.name, n))
			}
		}
		if len(found) > 0 {
			return warn(strings.Join(found, ", "), "ethtool -C PORT rx-usecs 0").by(steps...)
		}
		return fine("none")
	}},
	{"vfio-pci", func(m *Machine) Finding {
		if len(m.virtualPorts()) == 0 && m.Give == "" {
			return fine("no port would need it")
		}
		if !m.exists("/sys/bus/pci/drivers/vfio-pci") && !m.exists("/lib/modules/"+m.Release+"/kernel/drivers/vfio") {
			return blocks("this kernel has no such driver", "use a kernel with CONFIG_VFIO_PCI", sriovBed)
		}
		return fine("there")
	}},
	{"port for DPDK", (*Machine).give},
}

// unmoderated switches a port's interrupt moderation off.
func unmoderated(iface string, n NIC) change.Step {
	return change.Step{
		Why: "the card waits for more frames before it interrupts, which is time that each request waits",
		Do:  fmt.Sprintf("ethtool -C %s rx-usecs 0", iface), Undo: fmt.Sprintf("ethtool -C %s rx-usecs %d", iface, n.RxDelayUs),
	}
}

// larger are the offloads that join received segments or cut those sent, by
// ethtool's names.
var larger = []string{"rx-gro", "rx-gro-hw", "rx-lro", "tx-tcp-segmentation", "tx-generic-segmentation"}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// iommu reports whether the kernel uses one.
func (m *Machine) iommu() bool { return len(m.glob("/sys/kernel/iommu_groups/*")) > 0 }

// A virtualPort is a network device that can have virtual functions.
type virtualPort struct{ name, address, functions string }

// device is the port's folder in sysfs.
func (p virtualPort) device() string { return "/sys/class/net/" + p.name + "/device" }

func (m *Machine) virtualPorts() []virtualPort {
	var all []virtualPort
	for _, f := range m.glob("/sys/class/net/*/device/sriov_totalvfs") {
		name := path.Base(path.Dir(path.Dir(f)))
		if address := m.addressOf(name); address != "" && m.read(f) != "0" {
			all = append(all, virtualPort{name, address, m.read(f)})
		}
	}
	return all
}

// concerned are the ports that a testbed may use: the one that was named, or
// all.
func (m *Machine) concerned() []virtualPort {
	all := m.virtualPorts()
	for _, p := range all {
		if p.name == m.Give {
			return []virtualPort{p}
		}
	}
	return all
}

// addressOf is the PCI address of a network interface's device, or "".
func (m *Machine) addressOf(iface string) string {
	device, err := filepath.EvalSymlinks(m.path("/sys/class/net/" + iface + "/device"))
	if err != nil {
		return ""
	}
	return filepath.Base(device)
}

// groupOf lists the other endpoints of a device's IOMMU group. Bridges do not
// count: they are no endpoints; nor do a port's own functions.
func (m *Machine) groupOf(address string) []string {
	var others []string
	for _, d := range m.glob("/sys/kernel/iommu_groups/*/devices/" + address) {
		for _, o := range m.glob(path.Dir(d) + "/*") {
			bridge := strings.HasPrefix(m.read(o+"/class"), "0x0604")
			own := m.target(o+"/physfn") == address
			if path.Base(o) != address && !bridge && !own {
				others = append(others, path.Base(o))
			}
		}
	}
	slices.Sort(others)
	return others
}
