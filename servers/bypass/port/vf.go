// SPDX-License-Identifier: Apache-2.0

package port

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A vf is a virtual function that was made for this process: the kernel keeps
// the physical one with its interface.
type vf struct {
	address string // of the virtual function
	numvfs  string // file that takes their number
}

// makeVF makes one virtual function of an interface's device and binds it to
// vfio-pci. The physical function is set up first: without a link of its own
// it passes no frames to its functions, and raising it later does not help.
func (y system) makeVF(iface string) (v *vf, err error) {
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return nil, errors.New("no such interface in this network namespace (ip link shows those that there are)")
	}
	pf, err := busAddress(iface)
	if err != nil {
		return nil, fmt.Errorf("%s is no PCI device: %w; virtual functions need one", iface, err)
	}
	dev := y.path("sys/bus/pci/devices/" + pf)
	most := readNumber(filepath.Join(dev, "sriov_totalvfs"))
	if most == 0 {
		return nil, fmt.Errorf("%s (%s) cannot make virtual functions: no SR-IOV in the card, its driver, or switched off in the firmware", iface, pf)
	}
	v = &vf{numvfs: filepath.Join(dev, "sriov_numvfs")}
	if _, err := os.Readlink(filepath.Join(dev, "iommu_group")); err != nil {
		return nil, errors.New("the IOMMU is off; switch it on in the firmware (VT-d, AMD-Vi) and start the kernel with intel_iommu=on or amd_iommu=on")
	}
	if free, size := y.hugepages(); free*size < minHugepageBytes {
		return nil, hugeError(free, size)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return nil, fmt.Errorf("ip link set %s up: %w; run as root", iface, err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if l, err := netlink.LinkByName(iface); err == nil && l.Attrs().RawFlags&unix.IFF_RUNNING != 0 {
			break
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s has no link; is the cable in?", iface)
		}
	}
	switch n := readNumber(v.numvfs); {
	case n > 1:
		return nil, fmt.Errorf("%s has %d virtual functions already; name the one to use, as pci:ADDRESS (ls -l %s/virtfn*)", iface, n, dev)
	case n == 0:
		if err := os.WriteFile(v.numvfs, []byte("1"), 0); err != nil {
			return nil, fmt.Errorf("making a virtual function: %w; run as root", err)
		}
	default: // left by a process that was killed
	}
	defer func() {
		if err != nil {
			v.close()
		}
	}()
	fn, err := os.Readlink(filepath.Join(dev, "virtfn0"))
	if err != nil {
		return nil, err
	}
	v.address = filepath.Base(fn)
	// A function to which the host assigns no MAC takes a random one.
	mac := append(net.HardwareAddr(nil), link.Attrs().HardwareAddr...)
	mac[0], mac[5] = mac[0]|2, mac[5]^0x80
	if err := netlink.LinkSetVfHardwareAddr(link, 0, mac); err != nil {
		return nil, fmt.Errorf("ip link set %s vf 0 mac %s: %w", iface, mac, err)
	}
	return v, y.bind(v.address)
}

// bind gives a device to vfio-pci.
func (y system) bind(address string) error {
	const name = "vfio-pci"
	dev := y.path("sys/bus/pci/devices/" + address)
	if driver(dev) == name {
		return nil
	}
	if _, err := os.Stat(y.path("sys/bus/pci/drivers/" + name)); err != nil {
		if out, err := exec.Command("modprobe", name).CombinedOutput(); err != nil {
			return fmt.Errorf("modprobe %s: %w: %s; the kernel must have been built with it", name, err, strings.TrimSpace(string(out)))
		}
	}
	if err := os.WriteFile(filepath.Join(dev, "driver_override"), []byte(name), 0); err != nil {
		return err
	}
	if d := driver(dev); d != "" {
		if err := os.WriteFile(filepath.Join(dev, "driver/unbind"), []byte(address), 0); err != nil {
			return fmt.Errorf("taking %s from %s: %w", address, d, err)
		}
	}
	if err := os.WriteFile(y.path("sys/bus/pci/drivers_probe"), []byte(address), 0); err != nil {
		return err
	}
	// The kernel reports success even if no driver took it.
	if d := driver(dev); d != name {
		return fmt.Errorf("%s was not taken by %s (dmesg names the reason; without an IOMMU it refuses silently)", address, name)
	}
	return nil
}

// close removes the function.
func (v *vf) close() error {
	// The kernel would wait for this process to let go of it, for ever.
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(to, "vfio-device") {
			return fmt.Errorf("the virtual function %s is still open and stays; when this process has ended, run: echo 0 > %s", v.address, v.numvfs)
		}
	}
	return os.WriteFile(v.numvfs, []byte("0"), 0)
}

func readNumber(file string) int {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

func hugeError(free, size int) error {
	return fmt.Errorf("%d MiB of free hugepages, and a device that writes to memory itself needs %d; run: echo %d > /proc/sys/vm/nr_hugepages",
		free*size>>20, minHugepageBytes>>20, minHugepageBytes/max(size, 2<<20))
}

// busAddress asks the kernel for the PCI address of an interface's device. It
// asks in this network namespace, where sysfs may show another's.
func busAddress(iface string) (string, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	info, err := unix.IoctlGetEthtoolDrvinfo(fd, iface)
	if err != nil {
		return "", err
	}
	bus := unix.ByteSliceToString(unsafe.Slice(&info.Bus_info[0], len(info.Bus_info)))
	if strings.Count(bus, ":") != 2 {
		return "", fmt.Errorf("its bus is %q", bus)
	}
	return bus, nil
}
