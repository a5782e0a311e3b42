// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"crossing/data/dataset"
	"crossing/harness/sweep"
	"crossing/harness/tier"
	"crossing/harness/vm"
)

// TestVirtualTimeRepeats is what the clock promises: the same cells give the
// same rows, to the byte, on an idle host and on one that has no time for us.
func TestVirtualTimeRepeats(t *testing.T) {
	ctx := context.Background()
	if missing := vm.Missing(ctx); len(missing) > 0 {
		t.Skip("no virtual machine can be had here:\n" + strings.Join(missing, "\n"))
	}
	plan := &sweep.Plan{
		Name: "repeats", Testbed: "vm", VM: sweep.VM{Shift: 1},
		Tiers: []sweep.TierChoice{{Tier: "khttpd", As: "khttpd"}, {Tier: "nginx", As: "nginx"}},
		Files: []string{"1K"}, Connections: []int{4}, Blocks: 1, Seed: 3, Workers: 1,
		WarmUp: 20 * time.Millisecond, Duration: 80 * time.Millisecond,
	}
	repo, bin := build(t)
	idle := collect(t, plan, repo, bin)
	loaded := collectUnderLoad(t, plan, repo, bin)
	for name, o := range idle {
		if len(o.Requests) < 100 {
			t.Errorf("%s: only %d requests", name, len(o.Requests))
		}
		if o.Run.Outcome != dataset.OK || o.Run.Clock != "virtual" || o.Run.Testbed != "vm" {
			t.Errorf("%s: outcome %s (%s), clock %s, testbed %s", name, o.Run.Outcome, o.Run.Error, o.Run.Clock, o.Run.Testbed)
		}
	}
	diff := cmp.Diff(idle, loaded)
	if diff != "" {
		// QEMU has a race of its own here, rarely lost (package vm tells which).
		// What depends on the host's time differs each time.
		t.Logf("the loaded host's rows differ; once more:\n%.3000s", diff)
		diff = cmp.Diff(idle, collectUnderLoad(t, plan, repo, bin))
	}
	if diff != "" {
		t.Errorf("on an idle and on a loaded host:\n%.3000s", diff)
	}
}

// build builds the programs that go into the guest.
func build(t *testing.T) (repo, bin string) {
	t.Helper()
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin = t.TempDir()
	cmd := exec.Command("go", "build", "-o", bin+"/", "./harness/cmd/harness", "./servers/kernel/khttpd")
	cmd.Dir, cmd.Env = repo, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return repo, bin
}

func collect(t *testing.T, plan *sweep.Plan, repo, bin string) map[string]*sweep.Outcome {
	t.Helper()
	tiers, err := tier.All(filepath.Join(repo, "servers"))
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{Plan: plan, Tiers: tiers, Repo: repo, Bin: bin, Version: "test"}
	got := map[string]*sweep.Outcome{}
	for _, c := range plan.Cells() {
		if got[c.Name()], err = r.Run(context.Background(), c); err != nil {
			t.Fatalf("%s: %v", c.Name(), err)
		}
	}
	return got
}

func collectUnderLoad(t *testing.T, plan *sweep.Plan, repo, bin string) map[string]*sweep.Outcome {
	t.Helper()
	stop := burden()
	defer stop()
	return collect(t, plan, repo, bin)
}

// burden keeps all CPUs busy until stop is called.
func burden() (stop func()) {
	var over atomic.Bool
	for range 2 * runtime.NumCPU() {
		go func() {
			for !over.Load() {
			}
		}()
	}
	return func() { over.Store(true) }
}

func TestCompanions(t *testing.T) {
	slow := &sweep.VM{Shift: 3}
	plan := &sweep.Plan{
		Testbed: "vm", VM: sweep.VM{Shift: 1}, Files: []string{"100"}, Connections: []int{1, 8}, Blocks: 2,
		Tiers: []sweep.TierChoice{{Tier: "a", As: "a"}, {Tier: "b", As: "b"}, {Tier: "a", As: "a-slow", VM: slow}},
	}
	r := &Runner{Plan: plan}
	for i, c := range append(plan.Cells(), plan.Cells()...) {
		plan.VM.Apart = i >= len(plan.Cells())
		together := r.companions(c)
		if !slices.ContainsFunc(together, func(o sweep.Cell) bool { return o.Name() == c.Name() }) {
			t.Fatalf("%s is not in its own guest: %v", c.Name(), together)
		}
		if !reflect.DeepEqual(together, r.companions(together[0])) {
			t.Errorf("%s is in another guest than the one it was run in", together[0].Name())
		}
		for _, other := range together {
			if other.Block != c.Block || r.machine(&other).Shift != r.machine(&c).Shift {
				t.Errorf("%s shares a guest with %s", c.Name(), other.Name())
			}
			if plan.VM.Apart && other.Choice.As != c.Choice.As {
				t.Errorf("%s, to be apart, shares a guest with %s", c.Name(), other.Name())
			}
		}
	}
	again := plan.Cells()[0]
	r.ran = map[string]bool{again.Name(): true}
	if n := len(r.companions(again)); n != 1 {
		t.Errorf("a second attempt shares its guest with %d", n-1)
	}
	trial := plan.Cells()[0]
	trial.Share, trial.Connections = 0, 64
	if n := len(r.companions(trial)); n != 1 {
		t.Errorf("a cell that is not of the plan shares its guest with %d", n-1)
	}
}
