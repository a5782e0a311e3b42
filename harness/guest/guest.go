// SPDX-License-Identifier: Apache-2.0

// Package guest runs a sweep's cells in virtual machines: the same cells, by
// the same code, as on this machine, but with a kernel of the guest's own, two
// emulated 82576 ports for the wire, and virtual time.
package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"crossing/harness/sweep"
	"crossing/harness/tier"
	"crossing/harness/vm"
)

// A Runner runs cells of one plan. It implements sweep.Runner.
//
// All cells of a block that want the same machine share one (with VM.Apart,
// those of one tier), one after the
// other in the block's order, each with a fresh server and a fresh wire:
// starting a machine takes longer than most cells. The machine's seed is that
// of its first cell. The cells of a machine are part of its input, so a run can
// be repeated to the byte by running the block again.
type Runner struct {
	Plan    *sweep.Plan
	Tiers   []*tier.Tier // all there are
	Repo    string
	Bin     string
	Version string        // of the project
	Timeout time.Duration // of one cell, in the host's time; 0: 3 min
	Log     func(string)  // told what the guests print; may be nil

	kernel   *vm.Kernel
	files    []vm.File
	ready    map[string]*ran // by the cell's name: what was not asked for yet
	ran      map[string]bool // by the cell's name
	identity *vm.Identity
}

// ran is what became of a cell in a guest.
type ran struct {
	outcome *sweep.Outcome
	err     error
}

// boot is how long a guest may take to start, in the host's time.
const boot = 3 * time.Minute

// Run runs a cell, or returns it if an earlier cell's guest has run it, too.
func (r *Runner) Run(ctx context.Context, c sweep.Cell) (*sweep.Outcome, error) {
	if r.ready == nil {
		r.ready, r.ran = map[string]*ran{}, map[string]bool{}
	}
	done, ok := r.ready[c.Name()]
	if !ok {
		if err := r.together(ctx, r.companions(c)); err != nil {
			return nil, err
		}
		if done, ok = r.ready[c.Name()]; !ok {
			return nil, errors.New("the guest ended before this cell ran")
		}
	}
	delete(r.ready, c.Name()) // a further attempt runs again
	r.ran[c.Name()] = true
	return done.outcome, done.err
}

// companions are the cells that share c's guest, in their order: those of its
// block that want the same machine. So a guest's input, and with it every byte
// that comes of it, does not depend on where a sweep was cut off. One whose rate
// is found during the sweep runs alone, and so does a further attempt.
func (r *Runner) companions(c sweep.Cell) []sweep.Cell {
	alone := []sweep.Cell{c}
	if c.Share > 0 || r.ran[c.Name()] {
		return alone
	}
	var together []sweep.Cell
	planned := false // or else a trial for a capacity
	for _, other := range r.Plan.Cells() {
		if other.Block == c.Block && other.Share == 0 &&
			r.machine(&other).Shift == r.machine(&c).Shift &&
			(!r.Plan.VM.Apart || other.Choice.As == c.Choice.As) {
			together = append(together, other)
			planned = planned || other.Name() == c.Name()
		}
	}
	if !planned {
		return alone
	}
	return together
}

// machine is how the cell wants its guest.
func (r *Runner) machine(c *sweep.Cell) sweep.VM {
	if c.Choice.VM != nil {
		return *c.Choice.VM
	}
	return r.Plan.VM
}

// together runs the cells in one guest and keeps what came of each.
func (r *Runner) together(ctx context.Context, cells []sweep.Cell) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	tasks := make([]Task, len(cells))
	for i := range cells {
		tasks[i] = Task{Cell: cells[i], SameCPU: r.machine(&cells[i]).SameCPU}
	}
	list, err := json.Marshal(tasks)
	if err != nil {
		return err
	}
	results, err := os.MkdirTemp("", "guest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(results)
	limit := r.Timeout
	if limit == 0 {
		limit = 3 * time.Minute
	}
	shift := r.machine(&cells[0]).Shift
	if shift == 0 {
		shift = -1
	}
	o := vm.Options{
		Argv:  []string{Repo + "/bin/harness", "guest-cells", "/job/cells.json", "/out"},
		Env:   []string{"CROSSING_REPO=" + Repo, "CROSSING_VERSION=" + r.Version},
		Files: append([]vm.File{{Path: "/job/cells.json", Data: list}}, r.files...),
		Seed:  uint32(cells[0].Seed), Shift: shift,
		Hugepages: r.hugepages(), Kernel: r.kernel, Timeout: boot + limit*time.Duration(len(cells)),
		Results: results, BoxMiB: 256,
	}
	if r.Log != nil {
		o.Output = printer(r.Log)
	}
	result, err := vm.Run(ctx, o)
	if err != nil {
		if result != nil && len(result.Output) > 0 {
			err = fmt.Errorf("%w; it had printed:\n%s", err, tail(result.Output))
		}
		return err
	}
	r.identity = &result.Identity
	for i := range cells {
		r.ready[cells[i].Name()] = read(filepath.Join(results, fmt.Sprint(i)), &cells[i], r.machine(&cells[i]), &result.Identity)
	}
	if result.ExitCode != 0 && len(cells) == 1 {
		return fmt.Errorf("in the guest: %s", tail(result.Output))
	}
	return nil
}

// prepare collects, once, what every guest gets.
func (r *Runner) prepare(ctx context.Context) (err error) {
	if r.files != nil {
		return nil
	}
	if r.kernel, err = vm.DebianKernel(ctx, vm.Linux61); err != nil {
		return err
	}
	var used []*tier.Tier
	for _, c := range r.Plan.Tiers {
		t, err := tier.Find(r.Tiers, c.Tier)
		if err != nil {
			return err
		}
		used = append(used, t)
	}
	r.files, err = Bundle(ctx, r.kernel, r.Repo, r.Bin, used)
	return err
}

// hugepages are what DPDK takes for its memory, where a tier uses it.
func (r *Runner) hugepages() int {
	for _, c := range r.Plan.Tiers {
		if t, err := tier.Find(r.Tiers, c.Tier); err == nil && t.Boundary == "bypass" {
			return 128
		}
	}
	return 0
}

// read reads what the guest left of a cell and adds what only the host knows.
func read(dir string, c *sweep.Cell, m sweep.VM, id *vm.Identity) *ran {
	if text, err := os.ReadFile(filepath.Join(dir, errorFile)); err == nil {
		return &ran{err: errors.New(strings.TrimSpace(string(text)))}
	}
	o, err := sweep.ReadOutcome(dir)
	if err != nil {
		return &ran{err: err}
	}
	o.Run.Testbed, o.Run.Wire = "vm", "two emulated 82576 ports on one hub"
	o.Run.Clock, o.Run.Image, o.Run.Emulator = id.Clock, id.Image, "QEMU "+id.QEMU
	// The machine is a tunable of the run like the tier's own.
	options := map[string]string{}
	if err := json.Unmarshal([]byte(o.Run.Options), &options); err != nil {
		return &ran{err: fmt.Errorf("options of %s: %w", c.Name(), err)}
	}
	options["vm.shift"], options["vm.same_cpu"] = fmt.Sprint(m.Shift), fmt.Sprint(m.SameCPU)
	merged, err := json.Marshal(options)
	if err != nil {
		return &ran{err: err}
	}
	o.Run.Options = string(merged)
	return &ran{outcome: o}
}

// Machine describes the guests of the sweep.
func (r *Runner) Machine() (any, error) {
	if r.identity == nil {
		return map[string]string{"emulated": "no guest was started in this part of the sweep"}, nil
	}
	id := *r.identity
	id.Seed, id.Input, id.Shift = 0, "", 0 // of each run: see runs.parquet
	return map[string]any{
		"emulated": "QEMU's 82576 (igb) and its instruction counter as the clock: not a real NIC, no caches, no PCIe, no parallelism",
		"guest":    id,
	}, nil
}

type printer func(string)

func (p printer) Write(b []byte) (int, error) {
	p(string(b))
	return len(b), nil
}

// tail is the end of what a guest printed.
func tail(b []byte) string {
	const most = 2000
	s := strings.TrimSpace(string(b))
	if len(s) > most {
		s = "…" + s[len(s)-most:]
	}
	return s
}
