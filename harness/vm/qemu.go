// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

const qemu = "qemu-system-x86_64"

// minQEMU is the first version with the igb device.
const minQEMU = 8

// Addresses of the two ports. The guest's kernel names them eth0 and eth1 in
// the order of their slots.
const (
	MAC0 = "52:54:00:78:00:01"
	MAC1 = "52:54:00:78:00:02"
)

var versionLine = regexp.MustCompile(`version ((\d+)\.\S+)`)

// Version returns QEMU's version, or an error that says how to get one that
// will do.
func Version(ctx context.Context) (string, error) {
	const remedy = "run setup/backports.sh, then apt-get install -t bookworm-backports qemu-system-x86 seabios"
	if _, err := exec.LookPath(qemu); err != nil {
		return "", fmt.Errorf("QEMU is not installed: %s", remedy)
	}
	out, err := output(ctx, "", qemu, "--version")
	if err != nil {
		return "", err
	}
	m := versionLine.FindStringSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s --version printed %q, which holds no version", qemu, out)
	}
	if major, _ := strconv.Atoi(m[2]); major < minQEMU {
		return "", fmt.Errorf("QEMU %s has no 82576 (igb); %d or later is needed: %s", m[1], minQEMU, remedy)
	}
	return m[1], nil
}

// Missing returns what this machine lacks for running a VM, each with its
// remedy; nothing if all is there.
func Missing(ctx context.Context) []string {
	var missing []string
	for _, t := range hostTools {
		if _, err := exec.LookPath(t.Command); err != nil {
			missing = append(missing, fmt.Sprintf("%s: install %s", t.Command, t.Package))
		}
	}
	if _, err := Version(ctx); err != nil && len(missing) == 0 {
		missing = append(missing, err.Error())
	}
	return missing
}

// machine holds the paths and choices of one start of QEMU.
type machine struct {
	opts    Options
	accel   string // tcg or kvm
	initrd  string
	box     string // file behind the mailbox
	console string // file of the first serial port; empty: this terminal
	output  string // file of the second
}

// kernelCommandLine: oops=panic and panic=-1 end the machine at the first
// kernel bug, with the message on the console; cryptomgr.notests saves a second
// of self-tests at each boot; nokaslr keeps addresses, and with
// them hashes and cache lines, the same from run to run.
func (m *machine) kernelCommandLine() string {
	line := "console=ttyS0 loglevel=4 panic=-1 oops=panic nokaslr mitigations=off intel_iommu=on iommu=pt net.ifnames=0 random.trust_cpu=on cryptomgr.notests"
	if m.opts.Clock == RealTime {
		line += " no_timer_check" // a busy host may hold up the timer that is checked
	}
	if m.opts.Append != "" {
		line += " " + m.opts.Append
	}
	return line
}

// arguments returns QEMU's command line.
func (m *machine) arguments() []string {
	o := &m.opts
	// One thread for all CPUs in either clock: with a thread for each, a guest
	// on a busy host now and then does not start.
	accel, cpu := "tcg,thread=single", "max"
	if o.Clock == RealTime && m.accel == "kvm" {
		accel, cpu = "kvm", "host"
	}
	args := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-accel", accel, "-cpu", cpu, "-smp", strconv.Itoa(o.SMP), "-m", strconv.Itoa(o.MiB),
		"-machine", "q35,kernel-irqchip=split",
		"-device", "intel-iommu,intremap=on,caching-mode=on",
	}
	if o.Clock == Virtual {
		args = append(args,
			"-icount", fmt.Sprintf("shift=%d,sleep=off", o.Shift),
			"-rtc", "base=2024-01-01T00:00:00,clock=vm",
			"-seed", strconv.FormatUint(uint64(o.Seed), 10))
	}
	args = append(args, ports(o)...)
	args = append(args,
		"-object", fmt.Sprintf("memory-backend-file,id=box,share=on,mem-path=%s,size=%dM", m.box, o.BoxMiB),
		"-device", "ivshmem-plain,memdev=box",
		"-kernel", o.Kernel.Image, "-initrd", m.initrd, "-append", m.kernelCommandLine())
	if m.console == "" {
		args = append(args, "-chardev", "stdio,id=term,mux=on,signal=off", "-serial", "chardev:term", "-mon", "chardev=term")
	} else {
		args = append(args, "-serial", "file:"+m.console)
	}
	return append(args, "-serial", "file:"+m.output)
}

// ports are the arguments for the two ports, on one wire unless told otherwise:
// each a card of its own behind a bridge of its own, or both on one card.
func ports(o *Options) []string {
	var args []string
	for i, mac := range []string{MAC0, MAC1} {
		place := fmt.Sprintf("bus=port%d", i)
		switch {
		case !o.OneCard:
			args = append(args, "-device", fmt.Sprintf("pcie-root-port,id=port%d,chassis=%d", i, i+1))
		case i == 0:
			args = append(args, "-device", "pcie-root-port,id=port0,chassis=1,disable-acs=on")
			place += ",addr=0.0,multifunction=on,x-pcie-ari-nextfn-1=on" // or the kernel finds only the first
		default:
			place = "bus=port0,addr=0.1"
		}
		netdev := o.Netdevs[i]
		if netdev == "" {
			netdev = "hubport,hubid=0"
		}
		kind, rest, _ := strings.Cut(netdev, ",")
		args = append(args,
			"-netdev", fmt.Sprintf("%s,id=net%d,%s", kind, i, rest),
			"-device", fmt.Sprintf("igb,netdev=net%d,%s,mac=%s", i, place, mac))
	}
	return args
}

// lastLines returns the end of a console's text, for an error message.
func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(text), "\r", "")), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
