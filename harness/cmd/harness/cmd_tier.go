// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"crossing/harness/instance"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/internal/root"
	"crossing/servers/conformance"
	"crossing/servers/site"
)

func tierCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "tier",
		Short: "List the servers of the study, check them, or declare your own",
	}, tierListCmd(), tierCheckCmd(), tierNewCmd(), tierTableCmd())
}

func tierListCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the tiers, and what keeps each from running here",
		Example: "  harness tier list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := root.Find()
			if err != nil {
				return err
			}
			tiers, err := allTiers(dir)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "TIER\tBOUNDARY\tTESTBEDS\tHERE\tWHAT IT IS")
			for _, t := range tiers {
				here := "ready"
				if m := t.Missing(filepath.Join(dir, "bin")); m != "" {
					here = m
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Name, t.Boundary, strings.Join(t.Testbeds, " "), here, t.Title)
			}
			return w.Flush()
		},
	}
}

// ownTiers is where users put tier files of their own, beside the project's.
const ownTiers = "CROSSING_TIERS"

// allTiers reads the project's tier files and the user's own, which lie in the
// folders that CROSSING_TIERS names (as PATH does).
func allTiers(dir string) ([]*tier.Tier, error) {
	folders := []string{filepath.Join(dir, "servers")}
	return tier.All(append(folders, filepath.SplitList(os.Getenv(ownTiers))...)...)
}

func tierCheckCmd() *cobra.Command {
	var addr string
	var rows, all, declare bool
	c := &cobra.Command{
		Use:   "check [NAME…]",
		Short: "Start a tier and hold it to the contract, row by row",
		Long: `Check starts each named tier on the netns testbed and holds it to the conformance
kit. A row that deviates must be declared in the tier file, exactly as it is seen.
With --addr it checks a server that already runs; NAME then only brings the deviations.`,
		Example: `  harness tier check nginx
  harness tier check --all
  harness tier check --rows
  harness tier check --addr 127.0.0.1:8080 nginx`,
		RunE: func(cmd *cobra.Command, names []string) error {
			out := cmd.OutOrStdout()
			if rows {
				for _, r := range conformance.Rows() {
					fmt.Fprintf(out, "%-40s %-20s %s\n", r.Name, r.Source, r.Want[0])
				}
				return nil
			}
			dir, err := root.Find()
			if err != nil {
				return err
			}
			tiers, err := allTiers(dir)
			if err != nil {
				return err
			}
			if all {
				for _, t := range tiers {
					if slices.Contains(t.Testbeds, "netns") {
						names = append(names, t.Name)
					}
				}
			}
			if len(names) == 0 && addr == "" {
				return errors.New("which tier? Name one (`harness tier list` shows them), or say --all or --addr")
			}
			if addr != "" {
				return checkAddr(cmd.Context(), addr, tiers, names, declare)
			}
			if err := testbed.Become(); err != nil {
				return err
			}
			var bad []error
			for _, name := range names {
				t, err := tier.Find(tiers, name)
				if err != nil {
					return err
				}
				bad = append(bad, checkTier(cmd.Context(), dir, t, declare))
			}
			return errors.Join(bad...)
		},
	}
	c.Flags().StringVar(&addr, "addr", "", "check the running server at this address and port")
	c.Flags().BoolVar(&rows, "rows", false, "only list the checks")
	c.Flags().BoolVar(&declare, "declare", false, "print only undeclared deviations, as lines for the tier file")
	c.Flags().BoolVar(&all, "all", false, "check every tier that can run on the netns testbed")
	return c
}

func checkAddr(ctx context.Context, addr string, tiers []*tier.Tier, names []string, declare bool) error {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return fmt.Errorf("--addr: %w; it takes an address and a port, as 127.0.0.1:8080", err)
	}
	var deviations map[string]string
	name := addr
	if len(names) > 0 {
		t, err := tier.Find(tiers, names[0])
		if err != nil {
			return err
		}
		deviations, name = t.Deviations, t.Name
	}
	return check(ctx, name, conformance.At(a), deviations, declare)
}

func checkTier(ctx context.Context, dir string, t *tier.Tier, declare bool) error {
	tmp, err := os.MkdirTemp("", "crossing-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	root, err := site.Generate(tmp)
	if err != nil {
		return err
	}
	bed, err := testbed.Netns()
	if err != nil {
		return err
	}
	defer bed.Close()
	if t.Boundary == "bypass" {
		if err := bed.Plain(); err != nil {
			return err
		}
	}
	in, err := instance.Start(ctx, t, bed, instance.Places{
		Root: root, State: filepath.Join(tmp, "state"), Bin: filepath.Join(dir, "bin"), Repo: dir,
	})
	if err != nil {
		return err
	}
	defer in.Stop()
	server := conformance.Server{Dial: func(timeout time.Duration) (net.Conn, error) {
		return bed.Client.Dial(in.Addr, timeout)
	}}
	err = check(ctx, t.Name, server, t.Deviations, declare)
	if err != nil && !in.Running() {
		return fmt.Errorf("%w; the server ended meanwhile, %s", err, in.Tail())
	}
	return err
}

func check(ctx context.Context, name string, server conformance.Server, deviations map[string]string, declare bool) error {
	n, right, declared := 0, 0, 0
	err := conformance.Run(ctx, server, deviations, func(r conformance.Result) {
		n++
		switch {
		case !r.OK() && declare:
			fmt.Printf("  %q: %q\n", r.Row.Name, r.Observed)
		case !r.OK():
			fmt.Printf("%s: %s\n", name, r.Problem())
		case r.Declared:
			declared++
			right++
		default:
			right++
		}
	})
	if err != nil {
		return err
	}
	summary := fmt.Sprintf("%s: %d/%d checks passed (%d declared deviations)", name, right, n, declared)
	if declare { // standard output is for the tier file
		fmt.Fprintln(os.Stderr, summary)
		return nil
	}
	fmt.Println(summary)
	if right < n {
		return fmt.Errorf("%s: %d of %d checks failed; fix the server, or declare what is seen (--declare prints the lines for the tier file)", name, n-right, n)
	}
	return nil
}
