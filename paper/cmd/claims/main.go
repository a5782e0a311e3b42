// Claims prints, for each claim of paper/claims.yaml, what the paper said, and
// verdict, estimate, interval and dataset.
package main

import (
	"flag"
	"fmt"
	"log"
	"path/filepath"
	"slices"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/runs"
	"crossing/paper/claims"
)

// usage is what -help shows before the flags.
const usage = `Claims tests the named claims, or all, against the released datasets.

Examples:
  claims C3 C8
  claims -dataset out/kick/v0.0.0

Flags:
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("claims: ")
	file := flag.String("claims", "paper/claims.yaml", "the claims")
	folder := flag.String("data", "data", "folder with the released datasets")
	extra := flag.String("dataset", "", "a dataset that is not released, tested beside them under its own name")
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage); flag.PrintDefaults() }
	flag.Parse()
	all, err := claims.Read(*file)
	if err != nil {
		log.Fatal(err)
	}
	for _, id := range flag.Args() {
		if !slices.ContainsFunc(all, func(c claims.Claim) bool { return c.ID == id }) {
			log.Fatalf("no claim is named %s; %s lists them", id, *file)
		}
	}
	sets, err := runs.Released(*folder)
	if err != nil {
		log.Fatal(err)
	}
	if *extra != "" {
		d, err := dataset.Open(filepath.Clean(*extra))
		if err != nil {
			log.Fatal(err)
		}
		sets[d.Meta.Name] = runs.New(d)
	}
	for _, c := range all {
		if flag.NArg() > 0 && !slices.Contains(flag.Args(), c.ID) {
			continue
		}
		fmt.Print(claims.Test(c, func(name string) (*runs.Set, bool) {
			s, ok := sets[name]
			return s, ok
		}))
	}
}
