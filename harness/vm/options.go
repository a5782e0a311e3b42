// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"io"
	"time"
)

// A Clock says what the guest's time is.
type Clock int

const (
	// Virtual time counts guest instructions: repeatable to the bit.
	Virtual Clock = iota
	// RealTime is the host's time: KVM where it works, else QEMU's translator.
	// Not repeatable.
	RealTime
)

// String returns the name that stands in a run's identity.
func (c Clock) String() string {
	if c == RealTime {
		return "real"
	}
	return "virtual"
}

// A File is put into the guest. Its content is Data or, if Source is set, that
// of a file on the host.
type File struct {
	Path       string // in the guest; a relative one is below /job
	Source     string // on the host
	Data       []byte
	Executable bool
}

// Options describe one run. The zero value of each field is a sensible default,
// except Argv, which must be set.
type Options struct {
	Argv []string // command and arguments; /job/bin comes first in its PATH
	Env  []string // KEY=value
	Dir  string   // working directory in the guest; default /job

	Binaries []string // programs on the host, put into /job/bin
	Files    []File

	Clock Clock
	Seed  uint32 // of QEMU's random numbers: the only source of spread in virtual time
	Shift int    // virtual nanoseconds per instruction are 2^Shift; -1 means 0; default 1 (500 MIPS)
	SMP   int    // CPUs; default 2
	MiB   int    // memory; default 2048

	Hugepages int     // of 2 MiB, reserved at boot
	Kernel    *Kernel // default: Debian's own (Linux61)
	Append    string  // added to the kernel's command line
	// Netdevs are QEMU's network backends of the two ports, without their id, in
	// place of the wire between them: a way out of the guest, in real time only.
	Netdevs [2]string
	OneCard bool // both ports are functions of one card behind a bridge without ACS: they share an IOMMU group

	Timeout time.Duration // of host time, after which the machine is killed; default 5 min
	Output  io.Writer     // gets the command's output as it comes; may be nil
	Results string        // directory on the host for what the command leaves in /out; made if missing; empty: dropped
	BoxMiB  int           // room for the results, a power of two; default 64
}

func (o *Options) defaults() {
	if o.Shift == 0 {
		o.Shift = 1
	} else if o.Shift < 0 {
		o.Shift = 0
	}
	if o.SMP == 0 {
		o.SMP = 2
	}
	if o.MiB == 0 {
		o.MiB = 2048
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.BoxMiB == 0 {
		o.BoxMiB = 64
	}
}

// An Identity is what a run's result depends on. Two runs in virtual time with
// equal identities give equal bytes.
type Identity struct {
	Clock  string `json:"clock"`  // virtual or real
	Accel  string `json:"accel"`  // tcg or kvm
	QEMU   string `json:"qemu"`   // version
	Kernel string `json:"kernel"` // release
	Image  string `json:"image"`  // SHA-256 over kernel, modules, root file system and init
	Input  string `json:"input"`  // SHA-256 of the run's own files and command
	Append string `json:"append"` // kernel command line
	Seed   uint32 `json:"seed"`
	Shift  int    `json:"shift"` // log2 of virtual ns per instruction; virtual time only
	SMP    int    `json:"smp"`
	MiB    int    `json:"mib"`
}

// A Result is what a run gave.
type Result struct {
	ExitCode int           // of the command, as a shell counts it
	Output   []byte        // what it printed, both streams
	Dmesg    []byte        // the kernel's log at its end
	Console  []byte        // all that the kernel printed on its console
	Uptime   time.Duration // guest's time at its end
	Identity Identity
}
