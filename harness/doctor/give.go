// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"crossing/harness/change"
)

// give looks at the port that DPDK is to have: a virtual function of an
// interface, or a whole device with all that shares its group.
func (m *Machine) give() Finding {
	if m.Give == "" {
		return fine("none was named (--give PORT)")
	}
	if strings.Contains(m.Give, ":") {
		return m.giveDevice(m.Give)
	}
	return m.giveFunction(m.Give)
}

// vfioPCI is the driver that hands a device to user space.
const vfioPCI = "vfio-pci"

func (m *Machine) giveFunction(iface string) Finding {
	if f, ok := m.parent(iface); !ok {
		return f
	}
	device := "/sys/class/net/" + iface + "/device"
	if !m.iommu() {
		return blocks(iface+" cannot be given without an IOMMU", "see IOMMU, above", sriovBed)
	}
	made, _ := strconv.Atoi(m.read(device + "/sriov_numvfs"))
	function := device + "/virtfn0"
	switch {
	case made > 1:
		return blocks(fmt.Sprintf("%s has %d functions", iface, made), "name the one to give by its address: ls -l "+device+"/virtfn*", sriovBed)
	case made == 1 && m.target(function+"/driver") == vfioPCI:
		return fine(fmt.Sprintf("%s, a function of %s, is bound to %s", m.target(function), iface, vfioPCI))
	}
	return warn(iface+" has no function that DPDK could use yet", "harness doctor --fix --give "+iface).by(append(m.makeFunction(iface), m.take(function)...)...)
}

// parent reports whether an interface may have virtual functions made, and
// what is against it.
func (m *Machine) parent(iface string) (Finding, bool) {
	address := m.addressOf(iface)
	if address == "" {
		return blocks("there is no port "+iface, "ip link shows those that there are", sriovBed), false
	}
	if why := m.held(address); why != "" {
		return blocks(why, "it is never taken from the kernel: name another port", sriovBed), false
	}
	if !m.exists("/sys/class/net/" + iface + "/device/sriov_totalvfs") {
		return blocks(iface+" cannot have virtual functions", "name a port that can, or give the whole device to DPDK: harness doctor --fix --give "+address, sriovBed), false
	}
	return Finding{}, true
}

// makeFunction are the steps that make an interface's first virtual function, if
// it is not there.
func (m *Machine) makeFunction(iface string) []change.Step {
	device := "/sys/class/net/" + iface + "/device"
	var steps []change.Step
	if !m.up(iface) {
		steps = append(steps, change.Step{
			Why:   "functions of a port that was down when they were made pass no frames, also when it comes up later",
			Do:    fmt.Sprintf("ip link set %s up", iface),
			Check: fmt.Sprintf(`for i in 1 2 3 4 5 6 7 8 9 10; do test "$(cat %s)" = 1 && exit; sleep 1; done; echo "no link: is the cable in?"; exit 1`, m.path("/sys/class/net/"+iface+"/carrier")),
			Undo:  fmt.Sprintf("ip link set %s down", iface),
		})
	}
	if m.read(device+"/sriov_numvfs") == "0" {
		steps = append(steps, m.set(device+"/sriov_numvfs", "1", "DPDK gets a function of the port; the kernel keeps the port")...)
	}
	if mac, err := net.ParseMAC(m.read("/sys/class/net/" + iface + "/address")); err == nil {
		// Locally administered, and another than the port's.
		mac[0], mac[5] = mac[0]|2, mac[5]^0x80
		steps = append(steps, change.Step{
			Why: "without one, the function takes another random address each time",
			Do:  fmt.Sprintf("ip link set %s vf 0 mac %s", iface, mac), // gone with the function
		})
	}
	return steps
}

// up reports whether an interface is switched on.
func (m *Machine) up(iface string) bool {
	flags, _ := strconv.ParseUint(m.read("/sys/class/net/"+iface+"/flags"), 0, 32)
	return flags&uint64(net.FlagUp) != 0
}

// giveDevice takes a whole device and, as a group has one owner, all others
// in its group.
func (m *Machine) giveDevice(address string) Finding {
	device := "/sys/bus/pci/devices/" + address
	if !m.exists(device) {
		return blocks("there is no device "+address, "lspci -D shows those that there are", sriovBed)
	}
	all := append([]string{address}, m.groupOf(address)...)
	for _, a := range all {
		if why := m.held(a); why != "" {
			return blocks(fmt.Sprintf("%s cannot be given: %s", address, why), "it is never taken from the kernel: name another device", sriovBed)
		}
	}
	if !m.iommu() {
		return blocks(address+" cannot be given without an IOMMU", "see IOMMU, above", sriovBed)
	}
	var devices []string
	for _, a := range all {
		if d := "/sys/bus/pci/devices/" + a; m.target(d+"/driver") != vfioPCI {
			devices = append(devices, d)
		}
	}
	if len(devices) == 0 {
		return fine(fmt.Sprintf("%s and all in its group are bound to %s", address, vfioPCI))
	}
	return warn(strings.Join(all, ", ")+": the kernel has a part of the group", "harness doctor --fix --give "+address).by(m.take(devices...)...)
}

// take are the steps that bind devices, named by their folders in sysfs, to
// vfio-pci. A network interface on one goes, with its addresses.
func (m *Machine) take(devices ...string) []change.Step {
	steps := m.loadVFIO()
	for _, d := range devices {
		steps = append(steps, m.bind(d))
	}
	return steps
}

// loadVFIO loads vfio-pci.
func (m *Machine) loadVFIO() []change.Step {
	if m.exists("/sys/bus/pci/drivers/" + vfioPCI) {
		return nil
	}
	undo := "modprobe -r " + vfioPCI
	if !m.exists("/sys/module/vfio") { // nor what the kernel loads when a group is opened
		undo = "modprobe -rq vfio_iommu_type1; " + undo + " && { modprobe -rq vfio_virqfd; modprobe -rq vfio; true; }"
	}
	return []change.Step{{Why: "the driver that hands a device to user space", Do: "modprobe " + vfioPCI, Undo: undo}}
}

// bind binds a device, named by its folder in sysfs, to vfio-pci.
func (m *Machine) bind(device string) change.Step {
	probe := m.path("/sys/bus/pci/drivers_probe")
	d := m.path(device)
	is := fmt.Sprintf(`"$(basename "$(readlink %s/driver)")" = %s`, d, vfioPCI)
	address := fmt.Sprintf(`"$(basename "$(readlink -f %s)")"`, d) // of a function that is not there yet
	return change.Step{
		Why: "the kernel lets go of the device, and user space gets it",
		Do:  fmt.Sprintf(`echo %s >%s/driver_override; test ! -e %s/driver || echo %s >%s/driver/unbind; echo %s >%s`, vfioPCI, d, d, address, d, address, probe),
		// The kernel reports success even if no driver took it.
		Check: "test " + is,
		Undo:  fmt.Sprintf(`test ! -e %s || { echo >%s/driver_override; test ! %s || echo %s >%s/driver/unbind; echo %s >%s; }`, d, d, is, address, d, address, probe),
	}
}
