package doctor

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// port is what a NIC that is taken from the kernel needs.
var port = []check{
	{"IOMMU", func(m *Machine) Finding {
		if len(m.glob("/sys/kernel/iommu_groups/*")) == 0 {
			return blocks("off", "switch VT-d or AMD-Vi on in the firmware and boot with intel_iommu=on or amd_iommu=on", "sriov")
		}
		return fine("on")
	}},
	{"SR-IOV ports", func(m *Machine) Finding {
		ports := m.virtualPorts()
		if len(ports) == 0 {
			return blocks("none", "a NIC whose driver offers virtual functions (the paper's: Intel 82576, driver igb); the vm testbed emulates one", "sriov")
		}
		var words []string
		for _, p := range ports {
			words = append(words, fmt.Sprintf("%s (%s, up to %s functions)", p.name, p.address, p.functions))
		}
		return fine(strings.Join(words, ", "))
	}},
	{"IOMMU groups", func(m *Machine) Finding {
		var shared []string
		for _, p := range m.virtualPorts() {
			if others := m.groupOf(p.address); len(others) > 0 {
				shared = append(shared, fmt.Sprintf("%s shares its group with %s", p.name, strings.Join(others, ", ")))
			}
		}
		if len(shared) > 0 {
			return blocks(strings.Join(shared, "; "), `DPDK would say "VFIO group is not viable": bind the others to vfio-pci, too, or move the card to a slot whose bridge has ACS`, "sriov")
		}
		return fine("each port is alone in its own")
	}},
	{"ports in use", func(m *Machine) Finding {
		var used []string
		for _, p := range m.virtualPorts() {
			if m.routesBy(p.name) {
				used = append(used, p.name+" carries the default route")
			}
		}
		if len(used) > 0 {
			return blocks(strings.Join(used, ", "), "it is never unbound: use another port, or route by another device first", "sriov")
		}
		return fine("no port that could be taken carries the default route")
	}},
	{"vfio-pci", func(m *Machine) Finding {
		if len(m.virtualPorts()) == 0 {
			return fine("no port would need it")
		}
		if !m.exists("/sys/bus/pci/drivers/vfio-pci") && !m.exists("/lib/modules/"+m.Release+"/kernel/drivers/vfio") {
			return blocks("this kernel has no such driver", "use a kernel with CONFIG_VFIO_PCI", "sriov")
		}
		return fine("there")
	}},
}

// A virtualPort is a network device that can have virtual functions.
type virtualPort struct{ name, address, functions string }

func (m *Machine) virtualPorts() []virtualPort {
	var all []virtualPort
	for _, f := range m.glob("/sys/class/net/*/device/sriov_totalvfs") {
		device := path.Dir(f)
		address, err := filepath.EvalSymlinks(m.path(device))
		if err != nil || m.read(f) == "0" {
			continue
		}
		all = append(all, virtualPort{path.Base(path.Dir(device)), filepath.Base(address), m.read(f)})
	}
	return all
}

// groupOf lists the other endpoints of a device's IOMMU group. Bridges do not
// count: they are no endpoints.
func (m *Machine) groupOf(address string) []string {
	var others []string
	for _, d := range m.glob("/sys/kernel/iommu_groups/*/devices/" + address) {
		for _, o := range m.glob(path.Dir(d) + "/*") {
			bridge := strings.HasPrefix(m.read(o+"/class"), "0x0604")
			sameCard := strings.Split(path.Base(o), ".")[0] == strings.Split(address, ".")[0] && m.exists(o+"/physfn")
			if path.Base(o) != address && !bridge && !sameCard {
				others = append(others, path.Base(o))
			}
		}
	}
	slices.Sort(others)
	return others
}

// routesBy tells whether the default route leaves by the device (proc(5),
// /proc/net/route: destination and mask are zero).
func (m *Machine) routesBy(name string) bool {
	for line := range strings.Lines(m.read("/proc/net/route")) {
		f := strings.Fields(line)
		if len(f) > 7 && f[0] == name && f[1] == "00000000" && f[7] == "00000000" {
			return true
		}
	}
	return false
}
