// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"crossing/harness/change"
)

// common is what any run needs.
var common = []check{
	{"CPUs", func(m *Machine) Finding {
		n := strings.Count("\n"+m.read("/proc/cpuinfo"), "\nprocessor")
		if m.Root == "/" {
			n = runtime.NumCPU() // those that this process may use: taskset and cgroups count
		}
		if n < 2 {
			return warn(fmt.Sprintf("%d CPU", n), "client and server share it, so they disturb each other; use a machine with two or more")
		}
		return fine(fmt.Sprintf("%d CPUs", n))
	}},
	{"testbed", func(m *Machine) Finding {
		if m.Testbed == nil {
			return warn("not tried", "bin/harness doctor tries it")
		}
		if err := m.Testbed(); err != nil {
			return blocks("none can be made here: "+err.Error(), "run as root, or see the check of user namespaces; in a container: --privileged", netnsBed)
		}
		return fine("one was made and removed")
	}},
	{"user namespaces", func(m *Machine) Finding {
		if v := m.read("/proc/sys/kernel/unprivileged_userns_clone"); v == "0" {
			return warn("closed to users without root", "run as root, or: sysctl kernel.unprivileged_userns_clone=1").
				by(m.set("/proc/sys/kernel/unprivileged_userns_clone", "1", "users without root may then make testbeds")...)
		}
		if v := m.read("/proc/sys/user/max_user_namespaces"); v == "0" {
			return warn("none allowed", "run as root, or: sysctl user.max_user_namespaces=10000").
				by(m.set("/proc/sys/user/max_user_namespaces", "10000", "users without root may then make testbeds")...)
		}
		if v := m.read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"); v == "1" {
			return warn("restricted by AppArmor", "run as root, or: sysctl kernel.apparmor_restrict_unprivileged_userns=0").
				by(m.set("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0", "users without root may then make testbeds")...)
		}
		return fine("not restricted")
	}},
	{"servers", func(m *Machine) Finding {
		var missing []string
		for _, c := range []string{"apache2", "nginx", "gunicorn", "wrk", "ethtool", "nsenter", "setpriv"} {
			if !m.Has(c) {
				missing = append(missing, c)
			}
		}
		if len(missing) > 0 {
			return blocks("missing: "+strings.Join(missing, ", "), "./setup.sh", netnsBed)
		}
		return fine("all there")
	}},
	{"hugepages", func(m *Machine) Finding {
		n, _ := strconv.Atoi(m.read("/proc/sys/vm/nr_hugepages"))
		if n >= enoughHuge {
			return fine(fmt.Sprint(n))
		}
		found, remedy := fmt.Sprintf("%d, and a port of DPDK's takes %d", n, enoughHuge), fmt.Sprintf("sysctl vm.nr_hugepages=%d, soon after the start, while memory is in one piece", enoughHuge)
		f := warn(found, "DPDK then runs with --no-huge, slower; "+remedy)
		if m.Give != "" || len(m.virtualPorts()) > 0 {
			f = blocks(found, remedy, sriovBed)
		}
		return f.by(m.set("/proc/sys/vm/nr_hugepages", strconv.Itoa(enoughHuge), "a NIC writes to the memory of DPDK, which must lie in pages that do not move")...)
	}},
	{"BTF", func(m *Machine) Finding {
		if !m.exists("/sys/kernel/btf/vmlinux") {
			return blocks("the kernel has none", "use a kernel with CONFIG_DEBUG_INFO_BTF, as Debian's and Ubuntu's are", ebpf, ebpfTC, tracer)
		}
		return fine("there")
	}},
	{"cgroup v2", func(m *Machine) Finding {
		if !strings.Contains(m.read("/proc/self/mounts"), " cgroup2 ") {
			return blocks("not mounted", "mount -t cgroup2 none /sys/fs/cgroup/unified", ebpf)
		}
		return fine("mounted")
	}},
	{"QEMU", func(m *Machine) Finding {
		if !m.Has("qemu-system-x86_64") {
			return blocks("missing", "./setup.sh (it must be 8 or later, which emulates the 82576)", vmBed)
		}
		return fine("there")
	}},
	{"KVM", func(m *Machine) Finding {
		if !m.exists("/dev/kvm") {
			return fine("no /dev/kvm: guests in real time run under QEMU's translator, and those in virtual time need none")
		}
		switch works, tried := m.KVM(); {
		case !tried:
			return warn("/dev/kvm is there, and nothing has been started under it yet", "harness vm kvm boots a guest under it and tells (15 s at most)")
		case !works:
			return warn("/dev/kvm is there, but no guest comes up under it", "guests use QEMU's translator instead; for KVM in a virtual machine its host must allow nesting")
		}
		return fine("a guest comes up under it")
	}},
}

// enoughHuge is how many hugepages of 2 MiB a port of DPDK takes, twice over: a
// server's and a client's.
const enoughHuge = 128

// set is the step that writes a value into a file of the machine's, if it does
// not hold it.
func (m *Machine) set(file, value, why string) []change.Step {
	return change.Set(m.path(file), value, why)
}
