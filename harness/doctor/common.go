package doctor

import (
	"fmt"
	"strconv"
	"strings"
)

// common is what any run needs.
var common = []check{
	{"CPUs", func(m *Machine) Finding {
		n := strings.Count("\n"+m.read("/proc/cpuinfo"), "\nprocessor")
		if n < 2 {
			return warn(fmt.Sprintf("%d CPU", n), "client and server share it, so they disturb each other; use a machine with two or more")
		}
		return fine(fmt.Sprintf("%d CPUs", n))
	}},
	{"user namespaces", func(m *Machine) Finding {
		if v := m.read("/proc/sys/kernel/unprivileged_userns_clone"); v == "0" {
			return warn("closed to users without root", "run as root, or: sysctl kernel.unprivileged_userns_clone=1")
		}
		if v := m.read("/proc/sys/user/max_user_namespaces"); v == "0" {
			return warn("none allowed", "run as root, or: sysctl user.max_user_namespaces=10000")
		}
		return fine("open to users without root")
	}},
	{"servers", func(m *Machine) Finding {
		var missing []string
		for _, c := range []string{"apache2", "nginx", "gunicorn", "wrk", "ethtool", "nsenter", "setpriv"} {
			if !m.Has(c) {
				missing = append(missing, c)
			}
		}
		if len(missing) > 0 {
			return blocks("missing: "+strings.Join(missing, ", "), "./setup.sh", "netns")
		}
		return fine("all there")
	}},
	{"hugepages", func(m *Machine) Finding {
		n, _ := strconv.Atoi(m.read("/proc/sys/vm/nr_hugepages"))
		if n == 0 {
			return warn("none", "DPDK then runs with --no-huge, slower; for a NIC: sysctl vm.nr_hugepages=128")
		}
		return fine(fmt.Sprintf("%d", n))
	}},
	{"BTF", func(m *Machine) Finding {
		if !m.exists("/sys/kernel/btf/vmlinux") {
			return blocks("the kernel has none", "use a kernel with CONFIG_DEBUG_INFO_BTF, as Debian's and Ubuntu's are", "ebpf", "ebpf-tc", "stage tracer")
		}
		return fine("there")
	}},
	{"cgroup v2", func(m *Machine) Finding {
		if !strings.Contains(m.read("/proc/self/mounts"), " cgroup2 ") {
			return blocks("not mounted", "mount -t cgroup2 none /sys/fs/cgroup/unified", "ebpf")
		}
		return fine("mounted")
	}},
	{"QEMU", func(m *Machine) Finding {
		if !m.Has("qemu-system-x86_64") {
			return blocks("missing", "./setup.sh (it must be 8 or later, which emulates the 82576)", "vm")
		}
		return fine("there")
	}},
}
