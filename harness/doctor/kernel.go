// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"strings"
)

// kernel is what the kernel module meets outside of a guest.
var kernel = []check{
	{"loadable modules", func(m *Machine) Finding {
		if !m.exists("/proc/modules") {
			return blocks("this kernel has none", "the vm testbed brings a kernel that has: harness vm build", khttpd)
		}
		if m.read("/proc/sys/kernel/modules_disabled") == "1" {
			return blocks("switched off until the next boot", "reboot, and do not set kernel.modules_disabled", khttpd)
		}
		return fine("allowed")
	}},
	{"kernel headers", func(m *Machine) Finding {
		build := "/lib/modules/" + m.Release + "/build"
		if !m.exists(build) {
			return blocks("none for "+m.Release, "apt-get install linux-headers-"+m.Release, khttpd)
		}
		// What a module built with them would say that it is for.
		if made := m.read(build + "/include/config/kernel.release"); made != m.Release {
			return blocks(fmt.Sprintf("those in %s are for %q, and this is %s", build, made, m.Release), "apt-get install linux-headers-"+m.Release+", or boot the kernel that they are for", khttpd)
		}
		return fine("fit " + m.Release)
	}},
	{"compiler", func(m *Machine) Finding {
		// "Linux version 6.1.0 (…) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld …)"
		_, rest, ok := strings.Cut(m.read("/proc/version"), "gcc-")
		if !ok {
			return fine("the kernel does not say what built it")
		}
		major, _, _ := strings.Cut(rest, " ")
		if !m.Has("gcc-" + major) {
			return warn("the kernel was built by gcc-"+major+", which is not here", "apt-get install gcc-"+major)
		}
		return fine("gcc-" + major + ", as the kernel's")
	}},
	{"Secure Boot", func(m *Machine) Finding {
		for _, name := range m.glob("/sys/firmware/efi/efivars/SecureBoot-*") {
			if v := m.read(name); len(v) > 0 && v[len(v)-1] == 1 {
				return blocks("on: the kernel takes signed modules only", "sign the module with a key that the firmware knows (mokutil --import), or switch Secure Boot off in the firmware; the ebpf tier needs neither", khttpd)
			}
		}
		return fine("off")
	}},
	{"lockdown", func(m *Machine) Finding {
		v := m.read("/sys/kernel/security/lockdown")
		for _, mode := range []string{"integrity", "confidentiality"} {
			if strings.Contains(v, "["+mode+"]") {
				return blocks(mode, "boot without lockdown= on the command line and with Secure Boot off; the ebpf tier runs under integrity", khttpd)
			}
		}
		return fine("none")
	}},
}
