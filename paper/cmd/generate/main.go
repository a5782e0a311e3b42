// SPDX-License-Identifier: Apache-2.0

// Command generate writes what the paper takes from the datasets: every number,
// verdict, sentence that depends on the data, and figure. The text types none.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"crossing/internal/root"
	"crossing/notebooks/analysis/paperfigures"
	"crossing/notebooks/analysis/runs"
	"crossing/paper/claims"
)

// file is the one that the paper's runs request.
const file = "100"

func main() {
	if err := rootCmd().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func rootCmd() *cobra.Command {
	var out, readme string
	c := &cobra.Command{
		Use:   "generate",
		Short: "Write every number, verdict and figure of the paper, from the released datasets",
		Example: `  generate --out out/paper
  generate --readme paper/mean-latency.svg`,
		Args:          cobra.NoArgs,
		Version:       root.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			project, err := root.Find()
			if err != nil {
				return err
			}
			sets, err := runs.Released(filepath.Join(project, "data"))
			if err != nil {
				return err
			}
			if readme != "" {
				return readmeFigure(sets, readme)
			}
			return run(project, sets, out)
		},
	}
	f := c.Flags()
	f.StringVar(&out, "out", filepath.Join("out", "paper"), "folder for the generated files")
	f.StringVar(&readme, "readme", "", "write only the README's figure, to this file")
	return c
}

// readmeFigure writes the answer in one figure: mean latency on the testbed
// that everybody has.
func readmeFigure(sets map[string]*runs.Set, name string) error {
	s, ok := sets["netns"]
	if !ok {
		return fmt.Errorf("no dataset netns is released")
	}
	svg, err := paperfigures.Figure(s, paperfigures.Mean, file).SVG()
	if err != nil {
		return err
	}
	return os.WriteFile(name, svg, 0o644)
}

func run(project string, sets map[string]*runs.Set, out string) error {
	if len(sets) == 0 {
		return fmt.Errorf("no dataset is released: the paper has no numbers (bin/data release)")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	fixed, err := claims.Read(filepath.Join(project, "paper", "claims.yaml"))
	if err != nil {
		return err
	}
	tested := claims.TestAll(fixed.Claims, sets)
	defined, err := numbers(sets, tested)
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		"numbers.tex":    defined,
		"verdicts.tex":   verdicts(tested),
		"claims.tex":     claimList(tested),
		"amendments.tex": amendments(fixed.Amendments),
		"datasets.tex":   datasetRows(project, sets),
		"artifact.tex":   artifactRows(project, tested, sets),
	} {
		if err := os.WriteFile(filepath.Join(out, name), text, 0o644); err != nil {
			return err
		}
	}
	return figures(out, sets)
}
