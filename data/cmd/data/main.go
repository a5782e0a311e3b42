// SPDX-License-Identifier: Apache-2.0

// Command data lists, verifies, describes and releases datasets.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"crossing/data/dataset"
	"crossing/internal/root"
)

func main() {
	if err := rootCmd().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "data:", err)
		os.Exit(1)
	}
}

func rootCmd() *cobra.Command {
	var folder string
	c := &cobra.Command{
		Use:           "data",
		Version:       root.Version,
		Short:         "List, verify, describe and release the study's datasets",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.PersistentFlags().StringVar(&folder, "folder", "", "folder that holds the datasets (the project's data/ by default)")
	c.PersistentPreRunE = func(*cobra.Command, []string) error {
		if folder != "" {
			return nil
		}
		dir, err := root.Find()
		folder = filepath.Join(dir, "data")
		return err
	}
	c.AddCommand(lsCmd(&folder), verifyCmd(&folder), columnsCmd(), releaseCmd(&folder), citeCmd(&folder), compareCmd(), mergeCmd())
	return c
}

// find returns every folder below folder that is a dataset or a part of one.
func find(folder string) (dirs []string, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		for _, mark := range []string{"datapackage.json", "journal.jsonl"} {
			if _, err := os.Stat(filepath.Join(path, mark)); err == nil {
				dirs = append(dirs, path)
				return fs.SkipDir
			}
		}
		return nil
	})
	return dirs, err
}

func lsCmd(folder *string) *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Short:   "List the datasets",
		Example: "  data ls",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dirs, err := find(*folder)
			if err != nil {
				return err
			}
			released, err := dataset.Releases(*folder)
			if err != nil {
				return err
			}
			isReleased := map[string]bool{}
			for _, r := range released {
				isReleased[r.Dir(*folder)] = true
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "DATASET\tRUNS\tREQUESTS\tSTATE\tFOLDER")
			for _, dir := range dirs {
				d, err := dataset.Open(dir)
				if errors.Is(err, dataset.ErrPartial) {
					fmt.Fprintf(w, "-\t-\t-\tpartial: run its sweep again\t%s\n", dir)
					continue
				}
				if err != nil {
					fmt.Fprintf(w, "-\t-\t-\tdamaged: %v\t%s\n", err, dir)
					continue
				}
				var requests int64
				for _, r := range d.Runs() {
					requests += r.Requests
				}
				state := "local"
				if isReleased[dir] {
					state = "released"
				}
				fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", d.Meta.ID(), len(d.Runs()), requests, state, dir)
			}
			return w.Flush()
		},
	}
}

func verifyCmd(folder *string) *cobra.Command {
	return &cobra.Command{
		Use:   "verify [FOLDER…]",
		Short: "Prove that no byte of a dataset has changed",
		Long: `Verify checks every file of the named datasets against their checksums and the runs
against their requests. Without a name it checks every release.`,
		Example: "  data verify\n  data verify out/fresh/v0.0.0",
		RunE: func(cmd *cobra.Command, dirs []string) error {
			bad := 0
			report := func(what string, err error) {
				if err != nil {
					bad++
					fmt.Fprintf(cmd.OutOrStdout(), "%s: FAILED\n%v\n", what, err)
					return
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: OK\n", what)
			}
			for _, dir := range dirs {
				report(dir, dataset.Verify(dir))
			}
			n, what := len(dirs), "datasets"
			var err error
			if n == 0 {
				what = "releases"
				n, err = dataset.VerifyReleases(*folder, func(r dataset.Release, err error) { report(r.ID(), err) })
			}
			if bad > 0 {
				err = errors.Join(err, fmt.Errorf("%d of %d %s are damaged", bad, n, what))
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d of %d %s verified\n", n, n, what)
			return nil
		},
	}
}

func columnsCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "columns",
		Short:   "Describe every column: name, type, unit, meaning",
		Example: "  data columns",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, table := range []string{"runs", "requests", "stages"} {
				for _, f := range dataset.Columns(table) {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", table, f.Name, f.Type, f.Unit, f.Description)
				}
			}
			return w.Flush()
		},
	}
}

func releaseCmd(folder *string) *cobra.Command {
	return &cobra.Command{
		Use:   "release NAME VERSION",
		Short: "Add a finished dataset to the list of releases, which never change",
		Long: `Release verifies data/NAME/vVERSION and adds its checksum to data/RELEASES. From then on
"data verify" finds any byte of it that changes.`,
		Example: "  data release netns 1.0.0",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return dataset.Publish(*folder, args[0], args[1])
		},
	}
}

func citeCmd(folder *string) *cobra.Command {
	return &cobra.Command{
		Use:     "cite NAME [VERSION]",
		Short:   "Print how to cite a dataset, the newest release by default",
		Example: "  data cite netns",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := dataset.Releases(*folder)
			if err != nil {
				return err
			}
			r, ok := dataset.Newest(all, args[0])
			if !ok {
				return fmt.Errorf("no release of %q; `data ls` lists what is there", args[0])
			}
			if len(args) == 2 {
				var versions []string
				for _, o := range all {
					if o.Name == r.Name {
						versions = append(versions, o.Version)
					}
				}
				if !slices.Contains(versions, args[1]) {
					return fmt.Errorf("no release of %s v%s; released are %s", r.Name, args[1], strings.Join(versions, ", "))
				}
				r.Version = args[1]
			}
			d, err := dataset.Open(r.Dir(*folder))
			if err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), d.Meta.Cite())
			return nil
		},
	}
}
