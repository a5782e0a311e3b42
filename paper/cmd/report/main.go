// SPDX-License-Identifier: Apache-2.0

// Command report makes a site of the claims, figures, notebooks and data.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"crossing/internal/root"
	"crossing/notebooks/analysis/runs"
	"crossing/paper/claims"
	"crossing/paper/report"
)

func main() {
	if err := rootCmd().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func rootCmd() *cobra.Command {
	var notebooks, out, extra string
	c := &cobra.Command{
		Use:   "report",
		Short: "Make a site of executed notebooks, figures and claims",
		Example: `  report --notebooks out/released/notebooks --out out/released/report
  report --notebooks out/notebooks --out out/report --dataset out/kick/v0.0.0`,
		Args:          cobra.NoArgs,
		Version:       root.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := run(notebooks, out, extra); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(out, "index.html"))
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&notebooks, "notebooks", filepath.Join("out", "released", "notebooks"), "folder with the executed notebooks")
	f.StringVar(&out, "out", filepath.Join("out", "released", "report"), "folder for the site; it is emptied first")
	f.StringVar(&extra, "dataset", "", "folder of an unreleased dataset, shown before the released ones")
	return c
}

func run(notebooks, out, extra string) error {
	project, err := root.Find()
	if err != nil {
		return err
	}
	sets, err := runs.Released(filepath.Join(project, "data"))
	if err != nil {
		return err
	}
	in := report.Input{Notebooks: notebooks}
	if extra != "" {
		s, err := runs.OpenFolder(extra)
		if err != nil {
			return fmt.Errorf("--dataset: %w", err)
		}
		sets[s.Meta.Name] = s
		in.Sets = append(in.Sets, s)
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		if !slices.Contains(in.Sets, sets[name]) {
			in.Sets = append(in.Sets, sets[name])
		}
	}
	fixed, err := claims.Read(filepath.Join(project, "paper", "claims.yaml"))
	if err != nil {
		return err
	}
	in.Claims = claims.TestAll(fixed.Claims, sets)
	return report.Build(out, in)
}
