// Generate writes what the paper takes from the datasets: every number, every
// verdict, every sentence that depends on them and every figure. The text types
// none.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"crossing/notebooks/analysis/paperfigures"
	"crossing/notebooks/analysis/runs"
	"crossing/paper/claims"
)

// file is the one whose runs the paper tells of.
const file = "100"

// usage is what -help shows before the flags.
const usage = `Generate writes every number, verdict and figure of the paper.

Examples:
  generate -out out/paper
  generate -readme paper/mean-latency.svg

Flags:
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("generate: ")
	out := flag.String("out", "out/paper", "folder for what is generated")
	readme := flag.String("readme", "", "write only the README's figure, to this file")
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage); flag.PrintDefaults() }
	flag.Parse()
	err := error(nil)
	if *readme != "" {
		err = readmeFigure(*readme)
	} else {
		err = run(*out)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// readmeFigure is the answer in one figure: mean latency on the testbed that
// everybody has.
func readmeFigure(file string) error {
	sets, err := runs.Released("data")
	if err != nil {
		return err
	}
	s, ok := sets["netns"]
	if !ok {
		return fmt.Errorf("no dataset netns is released")
	}
	svg, err := paperfigures.Figure(s, paperfigures.Mean, "100").SVG()
	if err != nil {
		return err
	}
	return os.WriteFile(file, svg, 0o644)
}

func run(out string) error {
	sets, err := runs.Released("data")
	if err != nil {
		return err
	}
	if len(sets) == 0 {
		return fmt.Errorf("no dataset is released: the paper has nothing to tell (bin/data release)")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	all, err := claims.Read("paper/claims.yaml")
	if err != nil {
		return err
	}
	var tested []claims.Result
	for _, c := range all {
		tested = append(tested, claims.Test(c, func(name string) (*runs.Set, bool) {
			s, ok := sets[name]
			return s, ok
		}))
	}
	said, err := numbers(sets, tested)
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		"numbers.tex":  said,
		"verdicts.tex": verdicts(tested),
		"claims.tex":   claimList(tested),
		"datasets.tex": datasetRows(sets),
		"artifact.tex": artifactRows(tested, sets),
	} {
		if err := os.WriteFile(filepath.Join(out, name), text, 0o644); err != nil {
			return err
		}
	}
	return figures(out, sets)
}
