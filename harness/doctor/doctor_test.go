package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// machine is a made-up one: the given files below a root.
func machine(t *testing.T, files map[string]string) *Machine {
	t.Helper()
	root := t.TempDir()
	base := map[string]string{
		"/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu\n\nprocessor\t: 1\nflags\t\t: fpu\n",
		"/proc/modules": "", "/proc/self/mounts": "none /sys/fs/cgroup cgroup2 rw 0 0\n",
		"/proc/version":                      "Linux version 6.1.0 (x@y) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld)",
		"/sys/kernel/btf/vmlinux":            "btf",
		"/lib/modules/6.1.0/build":           "",
		"/sys/kernel/security/lockdown":      "[none] integrity confidentiality",
		"/proc/sys/vm/nr_hugepages":          "128",
		"/sys/bus/pci/drivers/vfio-pci/bind": "",
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
	return &Machine{Root: root, Release: "6.1.0", Has: func(string) bool { return true }}
}

// nic adds an SR-IOV port and puts it into an IOMMU group with others.
func nic(t *testing.T, m *Machine, others ...string) {
	t.Helper()
	device := m.path("/sys/devices/pci0000:00/0000:01:00.0")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(device, 0o755))
	must(os.WriteFile(filepath.Join(device, "sriov_totalvfs"), []byte("7\n"), 0o644))
	must(os.MkdirAll(m.path("/sys/class/net/eth0"), 0o755))
	must(os.Symlink(device, m.path("/sys/class/net/eth0/device")))
	for _, o := range append([]string{"0000:01:00.0"}, others...) {
		must(os.MkdirAll(m.path("/sys/kernel/iommu_groups/6/devices/"+o), 0o755))
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
		{"hugepages", "none", "vm.nr_hugepages", Warn, map[string]string{"/proc/sys/vm/nr_hugepages": "0"}},
		{"BTF", "none", "CONFIG_DEBUG_INFO_BTF", Blocks, map[string]string{"/sys/kernel/btf/vmlinux": "ABSENT"}},
		{"cgroup v2", "not mounted", "mount -t cgroup2", Blocks, map[string]string{"/proc/self/mounts": ""}},
		{"loadable modules", "has none", "harness vm", Blocks, map[string]string{"/proc/modules": "ABSENT"}},
		{"loadable modules", "switched off", "reboot", Blocks, map[string]string{"/proc/sys/kernel/modules_disabled": "1"}},
		{"kernel headers", "none for 6.1.0", "linux-headers-6.1.0", Blocks, map[string]string{"/lib/modules/6.1.0/build": "ABSENT"}},
		{"Secure Boot", "signed modules only", "mokutil", Blocks, map[string]string{"/sys/firmware/efi/efivars/SecureBoot-8be4": "\x06\x00\x00\x00\x01"}},
		{"Secure Boot", "off", "", Fine, map[string]string{"/sys/firmware/efi/efivars/SecureBoot-8be4": "\x06\x00\x00\x00\x00"}},
		{"lockdown", "integrity", "lockdown=", Blocks, map[string]string{"/sys/kernel/security/lockdown": "none [integrity] confidentiality"}},
		{"IOMMU", "off", "intel_iommu=on", Blocks, nil},
		{"SR-IOV ports", "none", "82576", Blocks, nil},
		{"frequency governor", "powersave", "performance", Warn, map[string]string{"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave"}},
		{"clock source", "hpet", "tsc", Warn, map[string]string{"/sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet"}},
		{"hypervisor", "virtual machine", "ratios", Warn, map[string]string{"/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu hypervisor sse\n"}},
	} {
		f := find(t, machine(t, c.files), c.check)
		if f.State != c.state || !strings.Contains(f.Found, c.found) || !strings.Contains(f.Remedy, c.remedy) {
			t.Errorf("%s: %+v, want %s with %q and %q", c.check, f, c.state, c.found, c.remedy)
		}
		if f.State == Blocks && (len(f.Blocks) == 0 || f.Remedy == "") {
			t.Errorf("%s blocks, but does not say what, or what to do", c.check)
		}
	}
}

func TestPortAloneAndShared(t *testing.T) {
	m := machine(t, nil)
	nic(t, m)
	if f := find(t, m, "IOMMU groups"); f.State != Fine {
		t.Errorf("alone: %+v", f)
	}
	m = machine(t, nil)
	nic(t, m, "0000:01:00.1")
	f := find(t, m, "IOMMU groups")
	if f.State != Blocks || !strings.Contains(f.Found, "0000:01:00.1") || !strings.Contains(f.Remedy, "not viable") {
		t.Errorf("shared: %+v", f)
	}
	m = machine(t, map[string]string{"/sys/kernel/iommu_groups/6/devices/0000:00:1c.0/class": "0x060400"})
	nic(t, m)
	if f := find(t, m, "IOMMU groups"); f.State != Fine {
		t.Errorf("with a bridge only: %+v", f)
	}
}

func TestDefaultRouteIsNeverTaken(t *testing.T) {
	m := machine(t, map[string]string{"/proc/net/route": "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\neth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\n"})
	nic(t, m)
	if f := find(t, m, "ports in use"); f.State != Blocks || !strings.Contains(f.Found, "eth0") {
		t.Errorf("%+v", f)
	}
	if b := Blocked(Examine(m)); !slices.Contains(b, "sriov") {
		t.Errorf("blocked: %v", b)
	}
}

func TestThisMachine(t *testing.T) {
	m := &Machine{Root: "/", Release: "0", Has: func(string) bool { return false }}
	if n := len(Examine(m)); n < 15 {
		t.Errorf("%d findings", n)
	}
}
