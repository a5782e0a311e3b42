// Report makes the site of claims, figures, notebooks and data.
//
//	report -notebooks FOLDER -out FOLDER [-dataset FOLDER]
package main

import (
	"flag"
	"fmt"
	"log"
	"maps"
	"path/filepath"
	"slices"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/runs"
	"crossing/paper/claims"
	"crossing/paper/report"
)

// usage is what -help shows before the flags.
const usage = `Report makes a site of executed notebooks, figures and claims.

Examples:
  report -notebooks out/notebooks -out out/report -dataset out/kick/v0.0.0

Flags:
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("report: ")
	notebooks := flag.String("notebooks", "out/released/notebooks", "folder with the executed notebooks")
	out := flag.String("out", "out/released/report", "folder for the site")
	extra := flag.String("dataset", "", "a dataset that is not released, shown before those that are")
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage); flag.PrintDefaults() }
	flag.Parse()
	if err := run(*notebooks, *out, *extra); err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Join(*out, "index.html"))
}

func run(notebooks, out, extra string) error {
	sets, err := runs.Released("data")
	if err != nil {
		return err
	}
	in := report.Input{Notebooks: notebooks}
	if extra != "" {
		d, err := dataset.Open(filepath.Clean(extra))
		if err != nil {
			return err
		}
		s := runs.New(d)
		sets[d.Meta.Name] = s
		in.Sets = append(in.Sets, s)
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		if !slices.Contains(in.Sets, sets[name]) {
			in.Sets = append(in.Sets, sets[name])
		}
	}
	all, err := claims.Read("paper/claims.yaml")
	if err != nil {
		return err
	}
	for _, c := range all {
		in.Claims = append(in.Claims, claims.Test(c, func(name string) (*runs.Set, bool) {
			s, ok := sets[name]
			return s, ok
		}))
	}
	return report.Build(out, in)
}
