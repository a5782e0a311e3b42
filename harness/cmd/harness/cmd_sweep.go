// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crossing/harness/guest"
	"crossing/harness/machine"
	"crossing/harness/sriov"
	"crossing/harness/sweep"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/harness/trace"
	"crossing/internal/root"
)

func sweepCmd() *cobra.Command {
	var dir, version, only, level, bed string
	var tiers []string
	var blocks int
	var available, dry bool
	c := &cobra.Command{
		Use:   "sweep PLAN",
		Short: "Collect a dataset by a plan, or resume one that was interrupted",
		Long: fmt.Sprintf(`Sweep runs every cell of a plan once in each block, in a seeded random order, each with
a fresh server, and writes a dataset to data/NAME/vVERSION. PLAN is a file or one of the
profiles: %s.

A sweep that was stopped, even by SIGKILL, resumes when it is run again. A cell that
fails is tried %d times; every attempt is recorded in the dataset.

A dataset's design.json is a plan, too. "harness plan list" describes the profiles.`, strings.Join(sweep.Profiles(), ", "), sweep.Attempts),
		Example: `  harness sweep kick
  harness sweep --tiers mine,nginx --blocks 6 --out out/mine/v0.0.0 quick
  harness sweep --dry paper
  harness sweep --testbed lab.yaml sriov
  harness sweep --only '^b00-nginx-' --out out/nginx quick`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(trace.Levels, trace.Level(level)) {
				return fmt.Errorf("--trace: %w: %q; one of %v", trace.ErrLevel, level, trace.Levels)
			}
			p, err := sweep.ReadPlan(args[0])
			if err != nil {
				return err
			}
			home, err := root.Find()
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("blocks") && blocks < 1 {
				return fmt.Errorf("--blocks %d: at least 1", blocks)
			}
			if err := p.Override(tiers, blocks); err != nil {
				return fmt.Errorf("plan %s: %w", args[0], err)
			}
			if only != "" {
				if p.Only, err = regexp.Compile(only); err != nil {
					return fmt.Errorf("--only: %w", err)
				}
			}
			var file *sriov.File
			if bed != "" {
				if file, err = sriov.Read(bed); err != nil {
					return err
				}
				if err := p.OnSRIOV(file.Wire); err != nil {
					return err
				}
			}
			all, err := allTiers(home)
			if err != nil {
				return err
			}
			bin := filepath.Join(home, "bin")
			if err := choose(cmd.ErrOrStderr(), p, all, bin, available); err != nil {
				return err
			}
			if dry {
				return show(cmd.OutOrStdout(), p)
			}
			if dir == "" {
				dir = filepath.Join(home, "data", p.Name, "v"+version)
			}
			if p.Testbed != "sriov" { // which takes root
				if err := testbed.Become(); err != nil {
					return err
				}
			}
			if p.Testbed != "vm" { // virtual time is not disturbed
				release, err := machine.Lock()
				if err != nil {
					return fmt.Errorf("%w; wait for it", err)
				}
				defer release()
			}
			progress := newProgress(cmd.ErrOrStderr())
			ctx, runner, closeRunner, err := newRunner(cmd.Context(), p, file, all, home, trace.Level(level), progress.say)
			if err != nil {
				return err
			}
			result, err := sweep.Run(ctx, p, runner, dir, version, progress)
			progress.close()
			if err := errors.Join(err, closeRunner()); err != nil {
				return err
			}
			return conclude(cmd.OutOrStdout(), result)
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "out", "", "folder of the dataset (data/NAME/vVERSION by default)")
	f.StringVar(&version, "version", "0.0.0", "dataset version")
	f.StringSliceVar(&tiers, "tiers", nil, "measure these instead of the plan's tiers")
	f.IntVar(&blocks, "blocks", 0, "number of blocks (default: the plan's); 95 % intervals need at least 6")
	f.StringVar(&only, "only", "", "run only the cells whose names match this regular expression; --dry lists them")
	f.BoolVar(&available, "available", false, "skip the tiers that cannot run here, and name them")
	f.StringVar(&bed, "testbed", "", "run on the machines that this file describes (see harness/sriov/README.md)")
	f.StringVar(&level, "trace", string(trace.Tracepoints), fmt.Sprintf("best level of the stage tracer to use: one of %v", trace.Levels))
	f.BoolVar(&dry, "dry", false, "only list the cells and estimate the time")
	return c
}

// choose checks that every tier of the plan is declared, fits the testbed and
// can run here.
func choose(out io.Writer, p *sweep.Plan, all []*tier.Tier, bin string, available bool) error {
	var keep []sweep.TierChoice
	for _, c := range p.Tiers {
		t, err := tier.Find(all, c.Tier)
		if err != nil {
			return err
		}
		if t, err = t.With(c.Options); err != nil {
			return err
		}
		lack := ""
		if p.Testbed == "netns" { // other machines are asked, or bring their own
			lack = t.Missing(bin)
		}
		if !slices.Contains(t.Testbeds, p.Testbed) {
			lack = fmt.Sprintf("it does not run on testbed %s, only on %s", p.Testbed, strings.Join(t.Testbeds, ", "))
		}
		switch {
		case lack == "":
			keep = append(keep, c)
		case available:
			fmt.Fprintf(out, "skipped: %s: %s\n", c.As, lack)
		default:
			return fmt.Errorf("tier %s: %s (--available skips what cannot run here)", c.As, lack)
		}
	}
	if len(keep) == 0 {
		return errors.New("none of the plan's tiers can run here; `harness tier list` shows why")
	}
	p.Tiers = keep
	return nil
}

// show lists the cells that the plan would run. Starting the servers takes time,
// too, and so does finding each tier's capacity: the estimate is a lower bound.
func show(out io.Writer, p *sweep.Plan) error {
	cells := p.Picked()
	var total time.Duration
	for _, c := range cells {
		fmt.Fprintln(out, c.Name())
		total += c.WarmUp + c.Duration
	}
	_, err := fmt.Fprintf(out, "%d runs, at least %v\n", len(cells), total)
	return err
}

// newRunner returns the runner of the plan's cells, a context that ends when it
// can run no more, and a function that closes it.
func newRunner(ctx context.Context, p *sweep.Plan, file *sriov.File, all []*tier.Tier, home string, level trace.Level, say func(string)) (context.Context, sweep.Runner, func() error, error) {
	bin, nothing := filepath.Join(home, "bin"), func() error { return nil }
	local := &sweep.Local{Tiers: all, Version: projectVersion(home), Trace: level, Say: say}
	switch p.Testbed {
	case "netns":
		// What no cell could do is said before the first.
		bed, err := testbed.Netns()
		if err != nil {
			return nil, nil, nil, err
		}
		bed.Close()
		here, err := sweep.NewHere(bin, home)
		if err != nil {
			return nil, nil, nil, err
		}
		local.Wire = here.On(testbed.Netns)
		return ctx, local, func() error { here.Close(); return nil }, nil
	case "vm":
		return ctx, &guest.Runner{Plan: p, Tiers: all, Repo: home, Bin: bin, Version: local.Version}, nothing, nil
	case "sriov":
		if file == nil {
			return nil, nil, nil, errors.New("plan " + p.Name + ": the testbed sriov is a pair of machines: describe yours as in harness/sriov/example.yaml and pass --testbed FILE")
		}
		var used []*tier.Tier
		for _, c := range p.Tiers {
			t, err := tier.Find(all, c.Tier)
			if err != nil {
				return nil, nil, nil, err
			}
			used = append(used, t)
		}
		bed, ctx, err := sriov.Open(ctx, file, sriov.Project{Repo: home, Bin: bin}, used, say)
		if err != nil {
			return nil, nil, nil, err
		}
		local.Wire, local.Where = bed.Wire, bed.Machine
		return ctx, local, bed.Close, nil
	default:
		return nil, nil, nil, fmt.Errorf("testbed %s cannot run a sweep", p.Testbed)
	}
}

// codeVersion names the code that measures: as git describes the project's folder,
// or the program's own version where there is none.
func codeVersion() string {
	if home, err := root.Find(); err == nil && root.Is(home) {
		return projectVersion(home)
	}
	return root.Version
}

// projectVersion is the version of the code in a folder, as git describes it.
func projectVersion(home string) string {
	out, err := exec.Command("git", "-C", home, "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

func conclude(out io.Writer, r *sweep.Result) error {
	fmt.Fprintf(out, "%d runs in %s\n", r.Runs, r.Dir)
	for _, line := range r.Traces() {
		fmt.Fprintln(out, line)
	}
	for _, s := range r.Rejected {
		fmt.Fprintf(out, "rejected: %s\n", s)
	}
	for _, s := range r.Failed {
		fmt.Fprintf(out, "failed: %s\n", s)
	}
	var errs []error
	if len(r.Failed) > 0 {
		errs = append(errs, fmt.Errorf("%d cells failed (recorded in column outcome)", len(r.Failed)))
	}
	for _, tier := range slices.Sorted(maps.Keys(r.Usable)) {
		if r.Usable[tier] == 0 {
			errs = append(errs, fmt.Errorf("%s has no usable run", tier))
		}
	}
	return errors.Join(errs...)
}
