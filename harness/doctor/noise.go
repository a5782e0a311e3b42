// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"strings"

	"crossing/harness/change"
)

// noise is what makes figures of real time wider.
var noise = []check{
	{"frequency governor", func(m *Machine) Finding {
		files := m.glob("/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor")
		if len(files) == 0 {
			return fine("the machine leaves frequency to its firmware or host")
		}
		steps := m.performance()
		if len(steps) == 0 {
			return fine("performance on all CPUs")
		}
		return warn(m.read(files[0])+" on the first CPU", "cpupower frequency-set -g performance").by(steps...)
	}},
	{"idle states", func(m *Machine) Finding {
		if v := m.read("/sys/devices/system/cpu/cpuidle/current_driver"); v != "" && v != "none" {
			return warn(v, "a sleeping CPU answers late; boot with processor.max_cstate=1, or measure with a client that spins")
		}
		return fine("none")
	}},
	{"clock source", func(m *Machine) Finding {
		switch v := m.read("/sys/devices/system/clocksource/clocksource0/current_clocksource"); v {
		case "tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "":
			return fine(v)
		default:
			return warn(v, "reading it costs a system call or more; boot with clocksource=tsc if the CPU's is stable")
		}
	}},
	{"isolated CPUs", func(m *Machine) Finding {
		if v := m.read("/sys/devices/system/cpu/isolated"); v != "" {
			return fine(v)
		}
		return warn("none", "boot with isolcpus= and nohz_full= for the client's and the server's CPUs")
	}},
	{"hypervisor", func(m *Machine) Finding {
		for line := range strings.Lines(m.read("/proc/cpuinfo")) {
			if name, flags, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "flags" && strings.Contains(" "+strings.TrimSpace(flags)+" ", " hypervisor ") {
				return warn("this is a virtual machine", "its host's other guests disturb it; believe ratios within a block, not absolute figures")
			}
		}
		return fine("none")
	}},
}

// performance sets the governor that keeps all CPUs at their highest frequency.
func (m *Machine) performance() []change.Step {
	var slow, undo []string
	for _, f := range m.glob("/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor") {
		if v := m.read(f); v != "performance" {
			slow = append(slow, m.path(f))
			undo = append(undo, fmt.Sprintf("echo %s >%s", v, m.path(f)))
		}
	}
	if len(slow) == 0 {
		return nil
	}
	return []change.Step{{
		Why:   "a CPU that clocks down when it waits answers late",
		Do:    "echo performance | tee " + strings.Join(slow, " ") + " >/dev/null",
		Check: "! grep -vx performance " + strings.Join(slow, " "),
		Undo:  strings.Join(undo, "; "),
	}}
}
