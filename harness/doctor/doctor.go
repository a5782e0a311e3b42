// SPDX-License-Identifier: Apache-2.0

// Package doctor looks at a machine and says, before anything is touched, what
// would keep a testbed or a tier from running on it, and what to do about it.
// Looking only reads. What a finding offers to do is a list of steps that can
// be undone; nobody but the caller takes them.
package doctor

import (
	"slices"

	"crossing/harness/change"
)

// A State is how grave a finding is.
type State string

// The states.
const (
	Fine   State = "ok"
	Warn   State = "warn"   // it runs, but its figures are noisier or narrower
	Blocks State = "blocks" // what Finding.Blocks names does not run
)

// What can be blocked: testbeds, tiers, and the stage tracer.
const (
	netnsBed = "netns"
	vmBed    = "vm"
	sriovBed = "sriov"
	khttpd   = "khttpd" // on this machine's kernel; the vm testbed brings its own
	ebpf     = "ebpf"
	ebpfTC   = "ebpf-tc"
	tracer   = "tracer"
)

// Blockable are the names that Finding.Blocks may hold.
var Blockable = []string{netnsBed, vmBed, sriovBed, khttpd, ebpf, ebpfTC, tracer}

// A Finding is what one check found.
type Finding struct {
	Check  string        `json:"check"`
	State  State         `json:"state"`
	Found  string        `json:"found"`
	Blocks []string      `json:"blocks,omitempty"` // of Blockable
	Remedy string        `json:"remedy,omitempty"`
	Fix    []change.Step `json:"fix,omitempty"` // what can be done about it from here
}

// A check looks at one thing.
type check struct {
	name string
	look func(*Machine) Finding
}

// Examine runs every check, in the order of the paper's way: what any run
// needs, the kernel module, the NIC, noise.
func Examine(m *Machine) []Finding {
	var all []Finding
	for _, c := range slices.Concat(common, kernel, port, noise) {
		f := c.look(m)
		f.Check = c.name
		all = append(all, f)
	}
	return all
}

// Blocked is what cannot run, each once.
func Blocked(findings []Finding) []string {
	var all []string
	for _, f := range findings {
		if f.State != Blocks {
			continue
		}
		for _, b := range f.Blocks {
			if !slices.Contains(all, b) {
				all = append(all, b)
			}
		}
	}
	slices.Sort(all)
	return all
}

// Fixes are the steps of all findings, in order.
func Fixes(findings []Finding) []change.Step {
	var all []change.Step
	for _, f := range findings {
		all = append(all, f.Fix...)
	}
	return all
}

func fine(found string) Finding { return Finding{State: Fine, Found: found} }

func warn(found, remedy string) Finding { return Finding{State: Warn, Found: found, Remedy: remedy} }

func blocks(found, remedy string, what ...string) Finding {
	return Finding{State: Blocks, Found: found, Remedy: remedy, Blocks: what}
}

// by adds the steps that would fix what was found.
func (f Finding) by(steps ...change.Step) Finding {
	f.Fix = append(f.Fix, steps...)
	return f
}
