package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crossing/harness/guest"
	"crossing/harness/sweep"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/harness/trace"
)

func sweepCmd() *cobra.Command {
	var dir, version, only, level string
	var tiers []string
	var blocks int
	var available, dry bool
	c := &cobra.Command{
		Use:   "sweep PLAN",
		Short: "Collect a dataset by a plan, or go on with one that was cut off",
		Long: fmt.Sprintf(`Sweep runs every cell of a plan once in each block, in a seeded random order, each with
a fresh server, and writes a dataset to data/NAME/vVERSION. PLAN is a file or one of the
profiles: %s.

A sweep that was stopped, even by SIGKILL, goes on where it was when it is run again. A
cell that fails is tried %d times; every attempt is in the dataset.

A dataset's design.json is a plan, too.`, strings.Join(sweep.Profiles(), ", "), 3),
		Example: `  harness sweep kick
  harness sweep --tiers mine,nginx --blocks 6 --out out/mine/v0.0.0 quick
  harness sweep --dry paper
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
			home, err := repo()
			if err != nil {
				return err
			}
			if len(tiers) > 0 {
				p.Tiers = nil
				for _, name := range tiers {
					p.Tiers = append(p.Tiers, sweep.TierChoice{Tier: name, As: name})
				}
			}
			if cmd.Flags().Changed("blocks") {
				if blocks < 1 {
					return fmt.Errorf("--blocks %d: at least 1", blocks)
				}
				p.Blocks = blocks
			}
			if only != "" {
				if p.Only, err = regexp.Compile(only); err != nil {
					return fmt.Errorf("--only: %w", err)
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
			if err := testbed.Become(); err != nil {
				return err
			}
			progress := newProgress(cmd.ErrOrStderr())
			runner, closeRunner, err := newRunner(p, all, home, trace.Level(level), progress.say)
			if err != nil {
				return err
			}
			defer closeRunner()
			result, err := sweep.Run(cmd.Context(), p, runner, dir, version, progress)
			progress.close()
			if err != nil {
				return err
			}
			return conclude(cmd.OutOrStdout(), result)
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "out", "", "folder of the dataset (data/NAME/vVERSION by default)")
	f.StringVar(&version, "version", "0.0.0", "version that the dataset gives itself")
	f.StringSliceVar(&tiers, "tiers", nil, "measure these instead of the plan's tiers")
	f.IntVar(&blocks, "blocks", 0, "measure so many instead of the plan's; 6 are the fewest that give 95 % intervals")
	f.StringVar(&only, "only", "", "run only the cells whose names match this regular expression; --dry lists the names")
	f.BoolVar(&available, "available", false, "leave out the tiers that cannot run here, and say which")
	f.StringVar(&level, "trace", string(trace.Tracepoints), fmt.Sprintf("best level of the stage tracer to use: one of %v", trace.Levels))
	f.BoolVar(&dry, "dry", false, "only show the cells and how long they take")
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
		if p.Testbed != "vm" { // the guest brings its own
			lack = t.Missing(bin)
		}
		if !slices.Contains(t.Testbeds, p.Testbed) {
			lack = fmt.Sprintf("it does not run on testbed %s, only on %s", p.Testbed, strings.Join(t.Testbeds, ", "))
		}
		switch {
		case lack == "":
			keep = append(keep, c)
		case available:
			fmt.Fprintf(out, "left out: %s: %s\n", c.As, lack)
		default:
			return fmt.Errorf("tier %s: %s (or say --available to leave out what cannot run here)", c.As, lack)
		}
	}
	if len(keep) == 0 {
		return errors.New("none of the plan's tiers can run here; `harness tier list` says why")
	}
	p.Tiers = keep
	return nil
}

func show(out io.Writer, p *sweep.Plan) error {
	cells := p.Cells()
	for _, c := range cells {
		fmt.Fprintln(out, c.Name())
	}
	_, err := fmt.Fprintf(out, "%d runs, at least %v\n", len(cells), (p.WarmUp+p.Duration)*time.Duration(len(cells)))
	return err
}

// newRunner makes what runs the plan's cells.
func newRunner(p *sweep.Plan, all []*tier.Tier, home string, level trace.Level, say func(string)) (sweep.Runner, func(), error) {
	switch p.Testbed {
	case "netns":
		// What no cell could do is said before the first.
		bed, err := testbed.Netns()
		if err != nil {
			return nil, nil, err
		}
		bed.Close()
		l, err := sweep.NewLocal(sweep.Local{
			Tiers: all, Bin: filepath.Join(home, "bin"), Repo: home, Version: projectVersion(home), Bed: testbed.Netns, Trace: level, Say: say,
		})
		if err != nil {
			return nil, nil, err
		}
		return l, l.Close, nil
	case "vm":
		return &guest.Runner{
			Plan: p, Tiers: all, Repo: home, Bin: filepath.Join(home, "bin"), Version: projectVersion(home),
		}, func() {}, nil
	default:
		return nil, nil, fmt.Errorf("testbed %s cannot run a sweep yet", p.Testbed)
	}
}

// projectVersion names the code that collects, as git describes it.
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
	if len(r.Failed) > 0 {
		return fmt.Errorf("%d cells brought no measurement; the dataset says so too", len(r.Failed))
	}
	return nil
}

// cellCmd runs one cell where it stands; a guest runs it.
func cellCmd() *cobra.Command {
	var ports []string
	var sameCPU bool
	c := &cobra.Command{
		Use:    "cell FILE FOLDER",
		Short:  "Run the cell that FILE describes and leave its outcome in FOLDER",
		Args:   cobra.ExactArgs(2),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			var cell sweep.Cell
			if err := json.Unmarshal(b, &cell); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			home, err := repo()
			if err != nil {
				return err
			}
			all, err := allTiers(home)
			if err != nil {
				return err
			}
			bed := testbed.Netns
			if len(ports) == 2 {
				bed = func() (*testbed.Testbed, error) { return testbed.Ports(ports[0], ports[1]) }
			}
			l, err := sweep.NewLocal(sweep.Local{Tiers: all, Bin: filepath.Join(home, "bin"), Repo: home, Version: os.Getenv("CROSSING_VERSION"), Bed: bed, SameCPU: sameCPU})
			if err != nil {
				return err
			}
			defer l.Close()
			o, err := l.Run(cmd.Context(), cell)
			if err != nil {
				return err
			}
			return o.Write(args[1])
		},
	}
	c.Flags().StringSliceVar(&ports, "ports", nil, "the server's and the client's network device, instead of a veth pair")
	c.Flags().BoolVar(&sameCPU, "same-cpu", false, "run client and server on one CPU")
	return c
}
