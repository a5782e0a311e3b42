// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crossing/harness/change"
)

// made is a made-up machine: the given files below a root.
func made(t *testing.T, files map[string]string) *Machine {
	t.Helper()
	root := t.TempDir()
	base := map[string]string{
		"/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu\n\nprocessor\t: 1\nflags\t\t: fpu\n",
		"/proc/modules": "", "/proc/self/mounts": "none /sys/fs/cgroup cgroup2 rw 0 0\n",
		"/proc/version":           "Linux version 6.1.0 (x@y) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld)",
		"/sys/kernel/btf/vmlinux": "btf",
		"/lib/modules/6.1.0/build/include/config/kernel.release": "6.1.0\n",
		"/sys/kernel/security/lockdown":                          "[none] integrity confidentiality",
		"/proc/sys/vm/nr_hugepages":                              "128",
		"/sys/bus/pci/drivers/vfio-pci/bind":                     "",
	}
	for name, text := range files {
		base[name] = text
	}
	for name, text := range base {
		if text == "ABSENT" {
			continue
		}
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Machine{
		Root: root, Release: "6.1.0", Has: func(string) bool { return true },
		Testbed: func() error { return nil },
		KVM:     func() (bool, bool) { return false, true }, NIC: func(string) NIC { return NIC{} },
	}
}

// nic adds an SR-IOV port and puts it into an IOMMU group with others.
func nic(t *testing.T, m *Machine, others ...string) {
	t.Helper()
	const address = "0000:01:00.0"
	place(t, m, map[string]string{
		"/sys/devices/pci0000:00/" + address + "/sriov_totalvfs": "7",
		"/sys/devices/pci0000:00/" + address + "/sriov_numvfs":   "0",
		"/sys/devices/pci0000:00/" + address + "/net/eth0/mtu":   "1500",
		"/sys/class/net/eth0/address":                            "00:11:22:33:44:55",
		"/sys/class/net/eth0/flags":                              "0x1002",
	})
	link(t, m, "/sys/class/net/eth0/device", "/sys/devices/pci0000:00/"+address)
	link(t, m, "/sys/bus/pci/devices/"+address, "/sys/devices/pci0000:00/"+address)
	for _, o := range append([]string{address}, others...) {
		must(t, os.MkdirAll(m.path("/sys/kernel/iommu_groups/6/devices/"+o), 0o755))
	}
}

// place writes files of a made-up machine.
func place(t *testing.T, m *Machine, files map[string]string) {
	t.Helper()
	for name, text := range files {
		must(t, os.MkdirAll(filepath.Dir(m.path(name)), 0o755))
		must(t, os.WriteFile(m.path(name), []byte(text+"\n"), 0o644))
	}
}

func link(t *testing.T, m *Machine, name, to string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(m.path(name)), 0o755))
	must(t, os.Symlink(m.path(to), m.path(name)))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, m *Machine, check string) Finding {
	t.Helper()
	for _, f := range Examine(m) {
		if f.Check == check {
			return f
		}
	}
	t.Fatalf("no check %q", check)
	return Finding{}
}

func TestObstacles(t *testing.T) {
	for _, c := range []struct {
		check, found, remedy string
		state                State
		files                map[string]string
	}{
		{"CPUs", "1 CPU", "two or more", Warn, map[string]string{"/proc/cpuinfo": "processor\t: 0\n"}},
		{"hugepages", "0, and", "vm.nr_hugepages", Warn, map[string]string{"/proc/sys/vm/nr_hugepages": "0"}},
		{"KVM", "no guest comes up", "nesting", Warn, map[string]string{"/dev/kvm": ""}},
		{"KVM", "no /dev/kvm", "", Fine, nil},
		{"BTF", "none", "CONFIG_DEBUG_INFO_BTF", Blocks, map[string]string{"/sys/kernel/btf/vmlinux": "ABSENT"}},
		{"cgroup v2", "not mounted", "mount -t cgroup2", Blocks, map[string]string{"/proc/self/mounts": ""}},
		{"loadable modules", "has none", "harness vm", Blocks, map[string]string{"/proc/modules": "ABSENT"}},
		{"loadable modules", "switched off", "reboot", Blocks, map[string]string{"/proc/sys/kernel/modules_disabled": "1"}},
		{"kernel headers", "none for 6.1.0", "linux-headers-6.1.0", Blocks, map[string]string{"/lib/modules/6.1.0/build/include/config/kernel.release": "ABSENT"}},
		{"kernel headers", `for "6.1.9", and this is 6.1.0`, "linux-headers-6.1.0", Blocks, map[string]string{"/lib/modules/6.1.0/build/include/config/kernel.release": "6.1.9"}},
		{"kernel headers", "fit 6.1.0", "", Fine, nil},
		{"Secure Boot", "signed modules only", "mokutil", Blocks, map[string]string{"/sys/firmware/efi/efivars/SecureBoot-8be4": "\x06\x00\x00\x00\x01"}},
		{"Secure Boot", "off", "", Fine, map[string]string{"/sys/firmware/efi/efivars/SecureBoot-8be4": "\x06\x00\x00\x00\x00"}},
		{"lockdown", "integrity", "lockdown=", Blocks, map[string]string{"/sys/kernel/security/lockdown": "none [integrity] confidentiality"}},
		{"IOMMU", "off", "intel_iommu=on", Blocks, nil},
		{"SR-IOV ports", "none", "82576", Blocks, nil},
		{"frequency governor", "powersave", "performance", Warn, map[string]string{"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave"}},
		{"clock source", "hpet", "tsc", Warn, map[string]string{"/sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet"}},
		{"hypervisor", "virtual machine", "ratios", Warn, map[string]string{"/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu hypervisor sse\n"}},
	} {
		f := find(t, made(t, c.files), c.check)
		if f.State != c.state || !strings.Contains(f.Found, c.found) || !strings.Contains(f.Remedy, c.remedy) {
			t.Errorf("%s: %+v, want %s with %q and %q", c.check, f, c.state, c.found, c.remedy)
		}
		if f.State == Blocks && (len(f.Blocks) == 0 || f.Remedy == "") {
			t.Errorf("%s blocks, but does not say what, or what to do", c.check)
		}
	}
}

func TestPortAloneAndShared(t *testing.T) {
	m := made(t, nil)
	nic(t, m)
	if f := find(t, m, "IOMMU groups"); f.State != Fine {
		t.Errorf("alone: %+v", f)
	}
	link(t, m, "/sys/kernel/iommu_groups/6/devices/0000:01:10.0/physfn", "/sys/devices/pci0000:00/0000:01:00.0")
	if f := find(t, m, "IOMMU groups"); f.State != Fine {
		t.Errorf("with a function of its own: %+v", f)
	}
	m = made(t, nil)
	nic(t, m, "0000:01:00.1")
	f := find(t, m, "IOMMU groups")
	if f.State != Blocks || !strings.Contains(f.Found, "0000:01:00.1") || !strings.Contains(f.Remedy, "not viable") {
		t.Errorf("shared: %+v", f)
	}
	m = made(t, map[string]string{"/sys/kernel/iommu_groups/6/devices/0000:00:1c.0/class": "0x060400"})
	nic(t, m)
	if f := find(t, m, "IOMMU groups"); f.State != Fine {
		t.Errorf("with a bridge only: %+v", f)
	}
}

const (
	route4 = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n%s\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000"
	route6 = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 %s"
)

// What the machine stands on is neither offered nor taken, by whatever name it
// is asked for.
func TestNeverTaken(t *testing.T) {
	const address = "0000:01:00.0"
	disk := func(t *testing.T, m *Machine) {
		place(t, m, map[string]string{"/sys/devices/pci0000:00/" + address + "/virtio0/block/vda/vda1/size": "1"})
		link(t, m, "/sys/class/block/vda1", "/sys/devices/pci0000:00/"+address+"/virtio0/block/vda/vda1")
		link(t, m, "/sys/dev/block/254:1", "/sys/devices/pci0000:00/"+address+"/virtio0/block/vda/vda1")
	}
	for _, c := range []struct {
		name, why string
		make      func(*testing.T, *Machine)
	}{
		{"default route", "eth0 carries the default route", func(t *testing.T, m *Machine) {
			place(t, m, map[string]string{"/proc/net/route": fmt.Sprintf(route4, "eth0")})
		}},
		{"default route of IPv6", "eth0 carries the default route", func(t *testing.T, m *Machine) {
			place(t, m, map[string]string{"/proc/net/ipv6_route": fmt.Sprintf(route6, "eth0")})
		}},
		{"default route by a bridge", "eth0 carries the default route", func(t *testing.T, m *Machine) {
			place(t, m, map[string]string{"/proc/net/route": fmt.Sprintf(route4, "br0"), "/sys/class/net/br0/lower_eth0/mtu": ""})
		}},
		{"root disk", "mounted at /", func(t *testing.T, m *Machine) {
			disk(t, m)
			place(t, m, map[string]string{"/proc/self/mountinfo": "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw"})
		}},
		{"root disk with a number of its file system's own", "mounted at /", func(t *testing.T, m *Machine) {
			disk(t, m)
			place(t, m, map[string]string{"/proc/self/mountinfo": "22 1 0:30 / / rw - btrfs /dev/vda1 rw"})
		}},
		{"root disk below a volume", "mounted at /", func(t *testing.T, m *Machine) {
			disk(t, m)
			place(t, m, map[string]string{"/proc/self/mountinfo": "22 1 253:0 / / rw - ext4 /dev/mapper/root rw"})
			link(t, m, "/sys/devices/virtual/block/dm-0/slaves/vda1", "/sys/devices/pci0000:00/"+address+"/virtio0/block/vda/vda1")
			link(t, m, "/sys/dev/block/253:0", "/sys/devices/virtual/block/dm-0")
		}},
		{"swap", "swap device /dev/vda1", func(t *testing.T, m *Machine) {
			disk(t, m)
			place(t, m, map[string]string{"/proc/swaps": "Filename\tType\n/dev/vda1 partition 1 0 -2"})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, give := range []string{"eth0", address, "0000:01:00.1"} {
				m := made(t, nil)
				nic(t, m, "0000:01:00.1") // shares its group with what must stay
				place(t, m, map[string]string{"/sys/bus/pci/devices/0000:01:00.1/class": "0x020000"})
				c.make(t, m)
				m.Give = give
				if f := find(t, m, "ports in use"); f.State != Blocks || !strings.Contains(f.Found, c.why) {
					t.Errorf("%+v", f)
				}
				if f := find(t, m, "port for DPDK"); f.State != Blocks || !strings.Contains(f.Found, c.why) || len(f.Fix) > 0 {
					t.Errorf("--give %s: %+v", give, f)
				}
			}
		})
	}
	m := made(t, map[string]string{"/proc/net/route": fmt.Sprintf(route4, "wlan0")})
	nic(t, m)
	m.Give = "eth0"
	if f := find(t, m, "port for DPDK"); f.State != Warn || len(f.Fix) == 0 {
		t.Errorf("another device's route: %+v", f)
	}
}

// The NIC's own words.
func TestPortSays(t *testing.T) {
	for _, c := range []struct {
		check, found string
		state        State
		says         NIC
	}{
		{"function addresses", "function 0 of eth0 has 00:00:00:00:00:00, spoof check on", Warn, NIC{Functions: []Function{{"00:00:00:00:00:00", true}}}},
		{"function addresses", "02:00:00:00:00:01, spoof check off", Fine, NIC{Functions: []Function{{"02:00:00:00:00:01", false}}}},
		{"offloads", "eth0 rx-gro, eth0 tx-tcp-segmentation", Warn, NIC{Features: map[string]bool{"rx-gro": true, "tx-tcp-segmentation": true, "rx-lro": false, "highdma": true}}},
		{"offloads", "none", Fine, NIC{}},
		{"interrupt moderation", "eth0 rx-usecs 3", Warn, NIC{Moderation: true, RxDelayUs: 3}},
		{"interrupt moderation", "none", Fine, NIC{Moderation: true}},
	} {
		m := made(t, nil)
		nic(t, m)
		m.NIC = func(string) NIC { return c.says }
		if f := find(t, m, c.check); f.State != c.state || !strings.Contains(f.Found, c.found) {
			t.Errorf("%s: %+v, want %s with %q", c.check, f, c.state, c.found)
		}
	}
}

// What can be set in files is set, and comes back.
func TestRepair(t *testing.T) {
	files := map[string]string{
		"/proc/sys/vm/nr_hugepages":                              "3",
		"/proc/sys/kernel/unprivileged_userns_clone":             "0",
		"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor":  "powersave",
		"/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor":  "ondemand",
		"/sys/devices/system/cpu/cpu10/cpufreq/scaling_governor": "performance",
	}
	m := made(t, files)
	j, err := change.Open(filepath.Join(t.TempDir(), "journal"))
	must(t, err)
	defer j.Close()
	ctx := context.Background()
	var out strings.Builder
	no := func() (bool, error) { return false, nil }
	if n, err := Repair(ctx, Examine(m), j, &out, no); n != 0 || err != nil {
		t.Errorf("refused, and yet %d changes, %v", n, err)
	}
	same := func() {
		t.Helper()
		for name, text := range files {
			if got := m.read(name); got != text {
				t.Errorf("%s holds %q, want %q", name, got, text)
			}
		}
	}
	same()
	yes := func() (bool, error) { return true, nil }
	n, err := Repair(ctx, Examine(m), j, &out, yes)
	if n != 3 || err != nil {
		t.Fatalf("%d changes, want 3 (%v):\n%s", n, err, &out)
	}
	if again := Fixes(Examine(m)); len(again) > 0 {
		t.Errorf("still to be fixed: %+v", again)
	}
	for _, s := range j.Steps {
		if !strings.Contains(out.String(), "  # "+s.Why+"\n  "+s.Do+"\n") {
			t.Errorf("%s was not printed with its reason", s.Do)
		}
	}
	must(t, j.Undo(ctx, func(string) {}))
	same()
}

func TestThisMachine(t *testing.T) {
	if n := len(Examine(Here())); n < 20 {
		t.Errorf("%d findings", n)
	}
}
