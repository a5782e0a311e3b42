// Package doctor looks at a machine and says, before anything is touched, what
// would keep a testbed or a tier from running on it, and what to do about it.
// It only reads.
package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A State is how grave a finding is.
type State string

// The states.
const (
	Fine   State = "ok"
	Warn   State = "warn"   // it runs, but its figures are noisier or narrower
	Blocks State = "blocks" // what Finding.Blocks names does not run
)

// A Finding is what one check found.
type Finding struct {
	Check  string   `json:"check"`
	State  State    `json:"state"`
	Found  string   `json:"found"`
	Blocks []string `json:"blocks,omitempty"` // testbeds and tiers
	Remedy string   `json:"remedy,omitempty"`
}

// A Machine is where the checks look: the file system of the machine, and the
// few things that are no files. Tests give another root.
type Machine struct {
	Root    string // "/" on a real machine
	Release string // of the kernel, as uname -r
	Has     func(command string) bool
}

// path is a file of the machine.
func (m *Machine) path(name string) string { return filepath.Join(m.Root, name) }

// read is a file's text without the space around it, or "".
func (m *Machine) read(name string) string {
	b, err := os.ReadFile(m.path(name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (m *Machine) exists(name string) bool {
	_, err := os.Stat(m.path(name))
	return err == nil
}

// glob lists names below the root, without it.
func (m *Machine) glob(pattern string) []string {
	all, _ := filepath.Glob(m.path(pattern))
	for i := range all {
		rel, err := filepath.Rel(m.Root, all[i])
		if err == nil {
			all[i] = "/" + rel
		}
	}
	return all
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

func fine(found string) Finding { return Finding{State: Fine, Found: found} }

func warn(found, remedy string) Finding { return Finding{State: Warn, Found: found, Remedy: remedy} }

func blocks(found, remedy string, what ...string) Finding {
	return Finding{State: Blocks, Found: found, Remedy: remedy, Blocks: what}
}
