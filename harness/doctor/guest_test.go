// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"crossing/harness/change"
	"crossing/harness/vm"
)

// The doctor is held to a real kernel with a real (emulated) 82576, in the
// shapes that the paper's authors met. Each shape is a guest; this test binary
// boots it and runs itself again in it.
const inGuest = "DOCTOR_IN_GUEST"

func TestInGuest(t *testing.T) {
	if os.Getenv(inGuest) != "" {
		t.Skip("this is the guest")
	}
	ctx := context.Background()
	if missing := vm.Missing(ctx); len(missing) > 0 {
		t.Skip("no virtual machine can be had here:\n" + strings.Join(missing, "\n"))
	}
	self, err := os.Executable()
	must(t, err)
	for _, shape := range []struct {
		test string
		vm.Options
	}{
		{test: "TestGuestAlone"},
		{test: "TestGuestSharedGroup", Options: vm.Options{OneCard: true}},
		{test: "TestGuestLockedDown", Options: vm.Options{Append: "intel_iommu=off"}},
	} {
		t.Run(shape.test, func(t *testing.T) {
			o := shape.Options
			o.Argv = []string{"/job/self", "-test.v", "-test.run=^" + shape.test + "$"}
			o.Env = []string{inGuest + "=1"}
			o.Files = []vm.File{{Path: "self", Source: self, Executable: true}}
			o.Seed, o.Timeout = 1, 10*time.Minute
			r, err := vm.Run(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s", r.Output)
			if r.ExitCode != 0 || !strings.Contains(string(r.Output), "--- PASS: "+shape.test) {
				t.Errorf("in the guest it ended with exit code %d", r.ExitCode)
			}
		})
	}
}

func beGuest(t *testing.T) {
	t.Helper()
	if os.Getenv(inGuest) == "" {
		t.Skip("runs in the guest, from TestInGuest")
	}
}

func expect(t *testing.T, m *Machine, check string, state State, found string) {
	t.Helper()
	f := find(t, m, check)
	if f.State != state || !strings.Contains(f.Found, found) {
		t.Errorf("%s: %+v, want %s with %q", check, f, state, found)
	}
}

// state is all that the doctor may change in the guest.
func state(t *testing.T, m *Machine) string {
	t.Helper()
	var s strings.Builder
	for _, f := range []string{"/proc/sys/vm/nr_hugepages", "/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs"} {
		fmt.Fprintln(&s, f, m.read(f))
	}
	for _, d := range m.glob("/sys/bus/pci/devices/*") {
		fmt.Fprintln(&s, d, m.target(d+"/driver"), m.read(d+"/driver_override"))
	}
	// By address: a port that was away may come back under another name.
	for _, d := range m.glob("/sys/bus/pci/devices/*/net/*") {
		n := ask(filepath.Base(d))
		fmt.Fprintln(&s, filepath.Dir(d), m.read(d+"/flags"), n.RxDelayUs, n.Functions)
	}
	for line := range strings.Lines(m.read("/proc/modules")) {
		if name, _, _ := strings.Cut(line, " "); strings.HasPrefix(name, "vfio") {
			fmt.Fprintln(&s, name)
		}
	}
	return s.String()
}

// viable asks the kernel whether a device's group can be given to one owner
// (linux/vfio.h, VFIO_GROUP_GET_STATUS).
func viable(t *testing.T, address string) bool {
	t.Helper()
	group, err := os.Readlink("/sys/bus/pci/devices/" + address + "/iommu_group")
	must(t, err)
	f, err := os.OpenFile("/dev/vfio/"+filepath.Base(group), os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	const getStatus, isViable = 0x3b67, 1 // _IO(';', 100 + 3)
	status := [2]uint32{8, 0}             // argsz, flags
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), getStatus, uintptr(unsafe.Pointer(&status))); errno != 0 {
		t.Fatal("VFIO_GROUP_GET_STATUS: ", errno)
	}
	return status[1]&isViable != 0
}

// prepare lets the doctor give a port to DPDK and returns how to put it all back.
func prepare(t *testing.T, m *Machine) (undo func()) {
	t.Helper()
	before := state(t, m)
	j, err := change.Open(filepath.Join(change.Folder, "doctor.journal"))
	must(t, err)
	var out strings.Builder
	_, err = Repair(context.Background(), Examine(m), j, &out, func() (bool, error) { return true, nil })
	t.Logf("%s", &out)
	must(t, err)
	return func() {
		t.Helper()
		must(t, j.Undo(context.Background(), func(line string) { t.Log("undo: " + line) }))
		must(t, j.Close())
		if after := state(t, m); after != before {
			t.Errorf("before:\n%s\nafter --undo:\n%s", before, after)
		}
	}
}

// A NIC alone in its group, no hugepages, no headers.
func TestGuestAlone(t *testing.T) {
	beGuest(t)
	m := Here()
	m.Give = "eth0"
	expect(t, m, "hugepages", Blocks, "0, and")
	expect(t, m, "kernel headers", Blocks, "none for 6.1.0")
	expect(t, m, "IOMMU", Fine, "on")
	expect(t, m, "SR-IOV ports", Fine, "eth0 (0000:01:00.0) has 0 of 7 functions")
	expect(t, m, "IOMMU groups", Fine, "alone")
	expect(t, m, "interrupt moderation", Warn, "eth0 rx-usecs 3")
	expect(t, m, "port for DPDK", Warn, "no function")
	undo := prepare(t, m)
	expect(t, m, "hugepages", Fine, "128")
	expect(t, m, "interrupt moderation", Fine, "none")
	expect(t, m, "function addresses", Fine, "function 0 of eth0 has")
	expect(t, m, "port for DPDK", Fine, "bound to vfio-pci")
	if f := Fixes(Examine(m)); len(f) > 0 {
		t.Errorf("still to be fixed: %+v", f)
	}
	if !viable(t, m.target("/sys/class/net/eth0/device/virtfn0")) {
		t.Error("the doctor calls the function ready, the kernel its group not viable")
	}
	undo()
	// The route's device is not taken.
	run(t, "ip link set eth0 up && ip addr add 10.0.0.1/24 dev eth0 && ip route add default via 10.0.0.2")
	expect(t, m, "port for DPDK", Blocks, "eth0 carries the default route")
	for _, s := range Fixes(Examine(m)) {
		if strings.Contains(s.Do, "eth0") || strings.Contains(s.Do, "vfio") {
			t.Errorf("it would still run %s", s.Do)
		}
	}
}

// Two ports on one card without ACS: the paper's "group is not viable".
func TestGuestSharedGroup(t *testing.T) {
	beGuest(t)
	m := Here()
	expect(t, m, "IOMMU groups", Blocks, "0000:01:00.0 of eth0 shares its group with 0000:01:00.1")
	run(t, "modprobe vfio-pci")
	give := func(d string) { // only one of the two
		run(t, fmt.Sprintf("echo vfio-pci >%[1]s/driver_override; echo %[2]s >%[1]s/driver/unbind; echo %[2]s >/sys/bus/pci/drivers_probe", "/sys/bus/pci/devices/"+d, d))
	}
	give("0000:01:00.0")
	if viable(t, "0000:01:00.0") {
		t.Error("the doctor calls the group shared, the kernel viable")
	}
	m.Give = "0000:01:00.0"
	expect(t, m, "port for DPDK", Warn, "0000:01:00.1")
	undo := prepare(t, m)
	expect(t, m, "port for DPDK", Fine, "all in its group")
	if !viable(t, "0000:01:00.0") {
		t.Error("the whole group was given, and the kernel calls it not viable")
	}
	undo()
}

// No IOMMU, and a kernel that is locked down as with Secure Boot.
func TestGuestLockedDown(t *testing.T) {
	beGuest(t)
	m := Here()
	m.Give = "eth0"
	expect(t, m, "IOMMU", Blocks, "off")
	expect(t, m, "port for DPDK", Blocks, "without an IOMMU")
	run(t, "mount -t securityfs none /sys/kernel/security")
	expect(t, m, "lockdown", Fine, "none")
	run(t, "echo integrity >/sys/kernel/security/lockdown")
	expect(t, m, "lockdown", Blocks, "integrity")
	// The guest's modules are stripped, and with it their signatures.
	if out, err := exec.Command("modprobe", "vfio-pci").CombinedOutput(); err == nil {
		t.Errorf("the doctor calls the kernel locked down, and yet it takes a module without signature: %s", out)
	}
}

func run(t *testing.T, line string) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}
