// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crossing/harness/guest"
	"crossing/harness/soak"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/harness/vm"
	"crossing/internal/root"
)

// unsoaked are the tiers that a bad wire or a strict client tells nothing new
// about, and why.
var unsoaked = map[string]string{
	"ebpf-tc":      "it keeps no state and sends nothing twice, so it has no answer to loss",
	"khttpd-paper": "its answers break the contract by design, and the module is loaded once",
}

func soakCmd() *cobra.Command {
	var names []string
	var here bool
	c := soak.Config{Netem: soak.Wire}
	minutes := 20.0
	cmd := &cobra.Command{
		Use:   "soak",
		Short: "Soak-test all servers under loss and reordering; verify every byte, watch for leaks",
		Long: fmt.Sprintf(`Soak boots a guest in real time (its kernel has the module and the network emulator, and
may crash), starts every server there behind a wire that loses and reorders, and asks for
files of 0 B to 1 MiB on several connections of each. It compares every byte, closes some
connections, leaves some answers in their middle, and watches memory, open files, packet
buffers and the kernel module's connections. It ends with a table and a verdict for each
server, and fails if one does. It measures no speed: the servers share the guest.

Without --tiers it takes all but %s.`, leftOut()),
		Example: "  harness soak\n  harness soak --minutes 1 --tiers nginx,dpdk-packet,khttpd\n  harness soak --here --minutes 5 --tiers nginx",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Duration = time.Duration(minutes * float64(time.Minute))
			if c.Duration < time.Second || c.Connections < 1 {
				return fmt.Errorf("--minutes must be positive and --connections at least 1 (they are %v and %d)", minutes, c.Connections)
			}
			home, err := root.Find()
			if err != nil {
				return err
			}
			all, err := allTiers(home)
			if err != nil {
				return err
			}
			tiers, err := soaked(all, names)
			if err != nil {
				return err
			}
			if here {
				return soakHere(cmd, c, tiers, home)
			}
			return soakInGuest(cmd, c, tiers, home)
		},
	}
	f := cmd.Flags()
	f.Float64Var(&minutes, "minutes", minutes, "how long")
	f.StringSliceVar(&names, "tiers", nil, "soak these")
	f.IntVar(&c.Connections, "connections", 4, "to each server")
	f.StringVar(&c.Netem, "netem", c.Netem, "what happens to frames in each direction, as tc-netem(8) has it")
	f.Uint64Var(&c.Seed, "seed", 1, "of what is asked for")
	f.BoolVar(&here, "here", false, "on this machine, not in a guest; its kernel needs sch_netem")
	return cmd
}

func leftOut() string {
	var all []string
	for name, why := range unsoaked {
		all = append(all, fmt.Sprintf("%s (%s)", name, why))
	}
	slices.Sort(all)
	return strings.Join(all, " and ")
}

// soaked are the tiers of these names, or all that a soak tells about.
func soaked(all []*tier.Tier, names []string) (tiers []*tier.Tier, err error) {
	for _, name := range names {
		t, err := tier.Find(all, name)
		if err != nil {
			return nil, err
		}
		tiers = append(tiers, t)
	}
	if len(names) == 0 {
		for _, t := range all {
			if unsoaked[t.Name] == "" {
				tiers = append(tiers, t)
			}
		}
	}
	modules := 0
	for _, t := range tiers {
		if slices.Contains(t.Needs.Programs, "khttpd.ko") {
			modules++
		}
	}
	if modules > 1 {
		return nil, fmt.Errorf("--tiers %s: %d of them are the kernel module, which is loaded once; soak one at a time", strings.Join(names, ","), modules)
	}
	return tiers, nil
}

func soakHere(cmd *cobra.Command, c soak.Config, tiers []*tier.Tier, home string) error {
	if err := testbed.Become(); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	c.Say = func(line string) { fmt.Fprintln(out, line) }
	outcomes, kernel, err := soak.Run(cmd.Context(), c, tiers, soak.Places{Bin: filepath.Join(home, "bin"), Repo: home})
	if err != nil {
		return err
	}
	if failed := soak.Print(out, c, outcomes, kernel); failed > 0 {
		return fmt.Errorf("%d of %d servers failed", failed, len(outcomes))
	}
	return nil
}

// soakInGuest has the guest's harness do it. In real time, as each virtual
// second of a dozen servers would take minutes.
func soakInGuest(cmd *cobra.Command, c soak.Config, tiers []*tier.Tier, home string) error {
	if missing := vm.Missing(cmd.Context()); len(missing) > 0 {
		return fmt.Errorf("no virtual machine can be had here (harness soak --here does without):\n%s", strings.Join(missing, "\n"))
	}
	kernel, err := vm.DebianKernel(cmd.Context(), vm.Linux61)
	if err != nil {
		return err
	}
	files, err := guest.Bundle(cmd.Context(), kernel, home, filepath.Join(home, "bin"), tiers)
	if err != nil {
		return err
	}
	var names []string
	for _, t := range tiers {
		names = append(names, t.Name)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%d servers for %v, and some minutes for their start\n", len(tiers), c.Duration)
	r, err := vm.Run(cmd.Context(), vm.Options{
		Argv: []string{
			guest.Repo + "/bin/harness", "soak", "--here", "--minutes", fmt.Sprint(c.Duration.Minutes()), "--tiers", strings.Join(names, ","),
			"--connections", fmt.Sprint(c.Connections), "--netem", c.Netem, "--seed", fmt.Sprint(c.Seed),
		},
		Env:   []string{"CROSSING_REPO=" + guest.Repo},
		Files: files, Kernel: kernel, Clock: vm.RealTime, MiB: 4096, SMP: cpus(cmd.Context()),
		Timeout: c.Duration + 20*time.Minute, Output: cmd.OutOrStdout(),
	})
	if err != nil {
		return err
	}
	return cmp.Or(deaths(cmd.ErrOrStderr(), r), exit(r.ExitCode))
}

// cpus are the guest's. The translator gives them turns of a tenth of a second,
// in which a server that polls would keep the others waiting for nothing.
func cpus(ctx context.Context) int {
	if vm.KVMWorks(ctx) {
		return 2
	}
	return 1
}

// exit is the guest's own verdict.
func exit(code int) error {
	if code != 0 {
		return fmt.Errorf("in the guest it ended with exit code %d; see the failures above", code)
	}
	return nil
}

// deaths looks for what the guest's kernel has said of itself.
func deaths(out io.Writer, r *vm.Result) error {
	var bad []string
	for line := range strings.Lines(string(r.Dmesg)) {
		for _, mark := range []string{"WARNING:", "BUG:", "Oops", "hung_task", "blocked for more than", "rcu_sched self-detected", "refcount_t", "KASAN", "Out of memory"} {
			if strings.Contains(line, mark) {
				bad = append(bad, strings.TrimSpace(line))
				break
			}
		}
	}
	if len(bad) == 0 {
		fmt.Fprintln(out, "the guest's kernel complained of nothing")
		return nil
	}
	return fmt.Errorf("the guest's kernel complained:\n%s", strings.Join(bad, "\n"))
}
