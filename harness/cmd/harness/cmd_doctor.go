// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"crossing/harness/change"
	"crossing/harness/doctor"
	"crossing/harness/sriov"
	"crossing/internal/root"
)

// doctorJournal is what `harness doctor --fix` did.
var doctorJournal = filepath.Join(change.Folder, "doctor.journal")

func doctorCmd() *cobra.Command {
	var asJSON, fix, yes, undo bool
	var needed, give, bed string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Show what keeps testbeds and tiers from running here, and how to fix it",
		Long: fmt.Sprintf(`Doctor looks at this machine and touches nothing. Each line says what was found; what
blocks something names it and the remedy. The exit status is 1 if what --for names (%s)
is blocked: the netns testbed, which needs no hardware, if nothing is named.

With --fix it prints the commands that would help, each with its reason, asks, runs them,
and writes down how to put back what they change; --undo puts it back, and so does a boot.
It installs nothing, and never takes a device that carries the default route, this ssh
connection, a mounted disk or swap.

With --testbed it looks at the server machine that the file names instead, by ssh, and at
this machine's port; --undo then puts back what a killed sweep has left there.`, strings.Join(doctor.Blockable, ", ")),
		Example: `  harness doctor
  harness doctor --for sriov --json
  harness doctor --fix --give eth1
  harness doctor --fix --yes --give 0000:01:00.0
  harness doctor --undo
  harness doctor --testbed lab.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(doctor.Blockable, needed) {
				return fmt.Errorf("--for %s: want one of %s", needed, strings.Join(doctor.Blockable, ", "))
			}
			out := cmd.OutOrStdout()
			if bed != "" {
				return doctorOf(cmd.Context(), bed, out, asJSON, undo)
			}
			if undo {
				return undoFixes(cmd.Context(), out)
			}
			m := doctor.Here()
			m.Give, m.Testbed = give, doctor.TryTestbed
			findings := doctor.Examine(m)
			if fix {
				return repair(cmd.Context(), findings, out, cmd.InOrStdin(), yes)
			}
			if err := report(out, findings, asJSON); err != nil {
				return err
			}
			if slices.Contains(doctor.Blocked(findings), needed) {
				return fmt.Errorf("%s cannot run here; see above", needed)
			}
			return nil
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print the findings as JSON, with the commands that would help")
	f.StringVar(&needed, "for", "netns", "testbed or tier whose being blocked is an error")
	f.StringVar(&give, "give", "", "port to give to DPDK: an interface, for a virtual function of it, or a PCI address, for the whole device")
	f.BoolVar(&fix, "fix", false, "run the commands that help, after asking")
	f.BoolVar(&yes, "yes", false, "with --fix: do not ask")
	f.BoolVar(&undo, "undo", false, "put back what --fix, or a sweep on sriov that was killed, changed")
	f.StringVar(&bed, "testbed", "", "look at the machines that this file describes")
	c.MarkFlagsMutuallyExclusive("fix", "undo", "json")
	c.MarkFlagsMutuallyExclusive("testbed", "fix")
	c.MarkFlagsMutuallyExclusive("testbed", "give")
	return c
}

// report prints the findings.
func report(out io.Writer, findings []doctor.Finding, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(findings)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fixable := false
	for _, f := range findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.Check, f.Found)
		if f.Remedy != "" && f.State != doctor.Fine {
			fmt.Fprintf(w, "\t\t→ %s\n", f.Remedy)
		}
		fixable = fixable || len(f.Fix) > 0
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if blocked := doctor.Blocked(findings); len(blocked) > 0 {
		fmt.Fprintf(out, "\nblocked here: %s\n", strings.Join(blocked, ", "))
	}
	if fixable {
		fmt.Fprintln(out, "\n`harness doctor --fix` shows what can be set from here, and asks first")
	}
	return nil
}

// errNotRoot says that only root may change the machine.
var errNotRoot = errors.New("only root may change these settings: sudo bin/harness doctor --fix, or --undo")

func repair(ctx context.Context, findings []doctor.Finding, out io.Writer, in io.Reader, yes bool) error {
	if os.Geteuid() != 0 {
		return errNotRoot
	}
	j, err := change.Open(doctorJournal)
	if err != nil {
		return err
	}
	answers := bufio.NewScanner(in)
	n, err := doctor.Repair(ctx, findings, j, out, func() (bool, error) {
		if yes {
			return true, nil
		}
		fmt.Fprint(out, "do it? [y/N] ")
		if !answers.Scan() {
			fmt.Fprintln(out)
			return false, answers.Err()
		}
		return strings.EqualFold(strings.TrimSpace(answers.Text()), "y"), nil
	})
	fmt.Fprintf(out, "%d changes made", n)
	if len(j.Steps) > 0 {
		fmt.Fprint(out, "; `harness doctor --undo` puts them back")
	}
	fmt.Fprintln(out)
	return errors.Join(err, j.Close())
}

func undoFixes(ctx context.Context, out io.Writer) error {
	if os.Geteuid() != 0 {
		return errNotRoot
	}
	lines := 0
	err := change.UndoAll(ctx, func(line string) {
		lines++
		fmt.Fprintln(out, line)
	})
	if lines == 0 && err == nil {
		fmt.Fprintln(out, "nothing is to be put back")
	}
	return err
}

// doctorOf examines the machines of a testbed's file, or puts them back.
func doctorOf(ctx context.Context, bed string, out io.Writer, asJSON, undo bool) error {
	file, err := sriov.Read(bed)
	if err != nil {
		return err
	}
	home, err := root.Find()
	if err != nil {
		return err
	}
	project := sriov.Project{Repo: home, Bin: filepath.Join(home, "bin")}
	if undo {
		lines, err := sriov.Undo(ctx, file, project)
		for _, l := range lines {
			fmt.Fprintln(out, "server:", l)
		}
		return errors.Join(err, undoFixes(ctx, out))
	}
	findings, client, err := sriov.Examine(ctx, file, project)
	if err != nil {
		return err
	}
	if err := report(out, findings, asJSON); err != nil {
		return err
	}
	if client != nil {
		return fmt.Errorf("client: %w", client)
	}
	// What can be set from here, a sweep sets, and puts back.
	findings = slices.DeleteFunc(findings, func(f doctor.Finding) bool { return len(f.Fix) > 0 })
	if slices.Contains(doctor.Blocked(findings), "sriov") {
		return errors.New("the server machine cannot be the testbed's; see above")
	}
	return nil
}
