// SPDX-License-Identifier: Apache-2.0

// Command claims tests the claims of paper/claims.yaml against the released
// datasets and prints verdict, estimates, intervals and dataset of each.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"crossing/internal/root"
	"crossing/notebooks/analysis/runs"
	"crossing/paper/claims"
	"crossing/paper/render"
)

func main() {
	if err := rootCmd().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "claims:", err)
		os.Exit(1)
	}
}

func rootCmd() *cobra.Command {
	var file, folder, extra string
	var asJSON bool
	c := &cobra.Command{
		Use:   "claims [CLAIM…]",
		Short: "Test the named claims, or all, against the released datasets",
		Example: `  claims C3 C8a
  claims --json C3
  claims --dataset out/kick/v0.0.0`,
		Args:          cobra.ArbitraryArgs, // identifiers, checked against the file
		Version:       root.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, ids []string) error {
			results, err := test(file, folder, extra, ids)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), results)
			}
			for _, r := range results {
				fmt.Fprint(cmd.OutOrStdout(), render.Text(r))
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&file, "claims", "", "file with the claims (default: the project's paper/claims.yaml)")
	f.StringVar(&folder, "data", "", "folder with the released datasets (default: the project's data)")
	f.StringVar(&extra, "dataset", "", "folder of an unreleased dataset, which takes the place of the release of its name")
	f.BoolVar(&asJSON, "json", false, "print JSON instead of text")
	return c
}

// test tests the claims named by ids, or all.
func test(file, folder, extra string, ids []string) ([]claims.Result, error) {
	if file == "" || folder == "" {
		project, err := root.Find()
		if err != nil {
			return nil, err
		}
		if file == "" {
			file = filepath.Join(project, "paper", "claims.yaml")
		}
		if folder == "" {
			folder = filepath.Join(project, "data")
		}
	}
	fixed, err := claims.Read(file)
	if err != nil {
		return nil, fmt.Errorf("--claims: %w", err)
	}
	all := fixed.Claims
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(c claims.Claim) bool { return c.ID == id }) {
			return nil, fmt.Errorf("no claim is named %s in %s", id, file)
		}
	}
	if len(ids) > 0 {
		all = slices.DeleteFunc(all, func(c claims.Claim) bool { return !slices.Contains(ids, c.ID) })
	}
	sets, err := runs.Released(folder)
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	if extra != "" {
		s, err := runs.OpenFolder(extra)
		if err != nil {
			return nil, fmt.Errorf("--dataset: %w", err)
		}
		sets[s.Meta.Name] = s
	}
	return claims.TestAll(all, sets), nil
}

func writeJSON(w io.Writer, results []claims.Result) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(results)
}
