// SPDX-License-Identifier: Apache-2.0

// Package machine describes the machine that a dataset was collected on, so
// that a reader can tell what its figures may be compared with.
package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// A Description is all that is known of a machine.
type Description struct {
	CPU         string            `json:"cpu"`
	CPUs        int               `json:"cpus"`
	MemoryMiB   uint64            `json:"memory_mib"`
	Kernel      string            `json:"kernel"`
	System      string            `json:"system"`
	Hypervisor  bool              `json:"hypervisor"` // the CPU says that it is virtual
	Settings    map[string]string `json:"settings"`   // that move latencies; "" where the kernel does not tell
	Mitigations map[string]string `json:"mitigations"`
	Packages    map[string]string `json:"packages"` // Debian's, with their versions
	Go          string            `json:"go"`
}

// settings are files that tell what moves latencies.
var settings = map[string]string{
	"clocksource":    "/sys/devices/system/clocksource/clocksource0/current_clocksource",
	"governor":       "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
	"cpuidle_driver": "/sys/devices/system/cpu/cpuidle/current_driver",
	"isolated_cpus":  "/sys/devices/system/cpu/isolated",
	"smt":            "/sys/devices/system/cpu/smt/control",
	"hugepages":      "/proc/sys/vm/nr_hugepages",
	"autogroup":      "/proc/sys/kernel/sched_autogroup_enabled",
	"thp":            "/sys/kernel/mm/transparent_hugepage/enabled",
}

// packages are those whose code is measured or measures.
var packages = []string{"apache2", "nginx-light", "nginx-core", "python3-flask", "python3-werkzeug", "gunicorn", "python3", "libdpdk-dev", "librte-net-af-xdp23", "wrk", "linux-image-amd64", "qemu-system-x86"}

// Kernel is the running kernel's release.
func Kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// Describe reads the description. What the machine does not tell is left out,
// never guessed.
func Describe() (*Description, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, err
	}
	d := &Description{
		CPUs: runtime.NumCPU(), Kernel: Kernel(), Go: runtime.Version(),
		Settings: map[string]string{}, Mitigations: map[string]string{}, Packages: map[string]string{},
	}
	if info, err := fs.CPUInfo(); err == nil && len(info) > 0 {
		d.CPU = info[0].ModelName
		for _, f := range info[0].Flags {
			d.Hypervisor = d.Hypervisor || f == "hypervisor"
		}
	}
	if m, err := fs.Meminfo(); err == nil && m.MemTotal != nil {
		d.MemoryMiB = *m.MemTotal >> 10
	}
	for name, file := range settings {
		if b, err := os.ReadFile(file); err == nil {
			d.Settings[name] = strings.TrimSpace(string(b))
		}
	}
	vulnerable, _ := filepath.Glob("/sys/devices/system/cpu/vulnerabilities/*")
	for _, file := range vulnerable {
		if b, err := os.ReadFile(file); err == nil {
			d.Mitigations[filepath.Base(file)] = strings.TrimSpace(string(b))
		}
	}
	if b, err := os.ReadFile("/etc/os-release"); err == nil {
		for line := range strings.Lines(string(b)) {
			if v, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
				d.System = strings.Trim(strings.TrimSpace(v), `"`)
			}
		}
	}
	for _, p := range packages {
		out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", p).Output()
		if version, ok := strings.CutPrefix(string(out), "installed "); err == nil && ok {
			d.Packages[p] = version
		}
	}
	return d, nil
}
