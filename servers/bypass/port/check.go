// SPDX-License-Identifier: Apache-2.0

package port

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A system is the root of the kernel's /proc and /sys; tests put a folder there.
type system struct{ root string }

func (y system) path(p string) string { return filepath.Join(y.root, p) }

// Check returns what would keep the port from working, with the remedy. It changes
// nothing.
func Check(s Spec) error { return system{"/"}.check(s) }

func (y system) check(s Spec) error {
	var err error
	switch s.Kind {
	case "af_packet", "af_xdp":
		err = y.checkIface(s)
	case "tap":
		err = y.checkTap(s)
	case "pci":
		err = y.checkPCI(s)
	case "memif-client", "virtio-user":
		if st, e := os.Stat(s.Arg); e != nil || st.Mode()&os.ModeSocket == 0 {
			err = errors.New("nobody listens there; start the other end first")
		}
	case "memif-server", "vhost":
		if st, e := os.Stat(filepath.Dir(s.Arg)); e != nil || !st.IsDir() {
			err = fmt.Errorf("%s is no folder; make it", filepath.Dir(s.Arg))
		}
	}
	if err != nil {
		return fmt.Errorf("port %s: %w", s, err)
	}
	return nil
}

func (y system) checkIface(s Spec) error {
	i, err := net.InterfaceByName(s.Arg)
	if err != nil {
		return fmt.Errorf("no such interface in this network namespace (ip link shows those that there are)")
	}
	if i.Flags&net.FlagUp == 0 {
		return fmt.Errorf("the interface is down; run: ip link set %s up", s.Arg)
	}
	if i.Flags&net.FlagLoopback != 0 {
		return errors.New("it is the loopback interface, which has no Ethernet; use a veth pair, or memif between two processes")
	}
	if s.Kind == "af_xdp" && !capable(unix.CAP_NET_ADMIN) {
		return errors.New("an XDP socket needs CAP_NET_ADMIN and CAP_BPF; run as root")
	}
	if !capable(unix.CAP_NET_RAW) {
		return errors.New("a packet socket needs CAP_NET_RAW; run as root")
	}
	return nil
}

func (y system) checkTap(s Spec) error {
	if _, err := os.Stat(y.path("dev/net/tun")); err != nil {
		return errors.New("there is no /dev/net/tun; load the module (modprobe tun) or use af_packet")
	}
	if !capable(unix.CAP_NET_ADMIN) {
		return errors.New("a tap interface needs CAP_NET_ADMIN; run as root")
	}
	return nil
}

// checkPCI checks all that vfio-pci needs.
func (y system) checkPCI(s Spec) error {
	dev := y.path("sys/bus/pci/devices/" + s.Arg)
	if _, err := os.Stat(dev); err != nil {
		return errors.New("no such device; lspci -D shows the addresses. A virtual function is made by writing to sriov_numvfs of its physical one")
	}
	group, err := os.Readlink(filepath.Join(dev, "iommu_group"))
	if err != nil {
		return errors.New("the device has no IOMMU group: the IOMMU is off; switch it on in the firmware (VT-d, AMD-Vi) and start the kernel with intel_iommu=on or amd_iommu=on")
	}
	if d := driver(dev); d != "vfio-pci" {
		now := "is bound to no driver"
		if d != "" {
			now = "is bound to " + d
		}
		return fmt.Errorf("it %s, not to vfio-pci; run: modprobe vfio-pci && echo vfio-pci > /sys/bus/pci/devices/%s/driver_override && %secho %s > /sys/bus/pci/drivers_probe",
			now, s.Arg, unbind(s.Arg, d), s.Arg)
	}
	number := filepath.Base(group)
	others, err := os.ReadDir(filepath.Join(dev, "iommu_group/devices"))
	if err != nil {
		return err
	}
	for _, o := range others {
		d := driver(y.path("sys/bus/pci/devices/" + o.Name()))
		if d != "" && d != "vfio-pci" && d != "pcieport" {
			return fmt.Errorf("its IOMMU group %s is not viable: %s in the same group is bound to %s. The whole group goes to one owner: bind that device to vfio-pci too, or put the card into a slot behind a port with ACS", number, o.Name(), d)
		}
	}
	node := y.path("dev/vfio/" + number)
	f, err := os.OpenFile(node, os.O_RDWR, 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("there is no %s; run: modprobe vfio-pci", node)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("no permission for %s; run as root, or: chown $USER %s", node, node)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%s is in use: another process has the device", node)
	case err != nil:
		return err
	}
	f.Close()
	if free, size := y.hugepages(); free*size < minHugepageBytes {
		return hugeError(free, size)
	}
	return nil
}

// minHugepageBytes is what a port needs of hugepages, in bytes.
const minHugepageBytes = 128 << 20

// hugepages returns the number of free pages and their size in bytes.
func (y system) hugepages() (free, size int) {
	b, err := os.ReadFile(y.path("proc/meminfo"))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		switch {
		case len(f) >= 2 && f[0] == "HugePages_Free:":
			free, _ = strconv.Atoi(f[1])
		case len(f) >= 2 && f[0] == "Hugepagesize:":
			size, _ = strconv.Atoi(f[1])
			size <<= 10
		}
	}
	return free, size
}

func driver(dev string) string {
	d, err := os.Readlink(filepath.Join(dev, "driver"))
	if err != nil {
		return ""
	}
	return filepath.Base(d)
}

func unbind(address, driver string) string {
	if driver == "" {
		return ""
	}
	return fmt.Sprintf("echo %s > /sys/bus/pci/drivers/%s/unbind && ", address, driver)
}

// capable reports whether this process has a capability.
func capable(c uint) bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&hdr, &data[0]) != nil {
		return false
	}
	return data[c/32].Effective&(1<<(c%32)) != 0
}
