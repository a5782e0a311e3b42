// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"crossing/notebooks/analysis/runs"
	"crossing/paper/claims"
	"crossing/paper/render"
)

const generated = "% Generated from paper/claims.yaml and the released datasets. Do not edit.\n"

// verdicts is a row for each claim.
func verdicts(tested []claims.Result) []byte {
	b := bytes.NewBufferString(generated)
	for _, r := range tested {
		b.WriteString(render.TeXRow(r))
	}
	return b.Bytes()
}

// claimList is an item for each claim.
func claimList(tested []claims.Result) []byte {
	b := bytes.NewBufferString(generated)
	for _, r := range tested {
		b.WriteString(render.TeXItem(r))
	}
	return b.Bytes()
}

// amendments is an item for each change of a claim after it was fixed.
func amendments(all []claims.Amendment) []byte {
	b := bytes.NewBufferString(generated)
	for _, a := range all {
		what := strings.Join(a.Claims, ", ")
		if what == "" {
			what = "All claims"
		}
		var before []string
		for _, id := range slices.Sorted(maps.Keys(a.Before)) {
			before = append(before, id+" "+strings.ToLower(a.Before[id]))
		}
		fmt.Fprintf(b, "\\item[%s] %s. %s \\emph{After:} %s \\emph{The rule before gives:} %s.\n",
			a.Date, render.Escape(what), render.Escape(a.Change), render.Escape(a.After), render.Escape(strings.Join(before, ", ")))
	}
	return b.Bytes()
}

// datasetRows is a row for each released dataset.
func datasetRows(project string, sets map[string]*runs.Set) []byte {
	b := bytes.NewBufferString("% Generated from the released datasets. Do not edit.\n")
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		s := sets[name]
		var requests int64
		blocks := map[int32]bool{}
		for _, r := range s.Runs() {
			requests += r.Requests
			blocks[r.Block] = true
		}
		clock := "real"
		if s.Meta.Emulated {
			clock = "virtual"
		}
		fmt.Fprintf(b, "%s & %d & %d & %s & %s & %s \\\\\n", render.Escape(s.Meta.ID()), len(s.Runs()), len(blocks), thousands(requests), clock, megabytes(filepath.Join(project, "data", s.Meta.Folder())))
	}
	return b.Bytes()
}

// artifactRows is a row for each claim: how to test it again from the archive
// and from new runs, and what should come out.
func artifactRows(project string, tested []claims.Result, sets map[string]*runs.Set) []byte {
	b := bytes.NewBufferString(generated)
	for _, r := range tested {
		name, _, _ := strings.Cut(r.Dataset, " ")
		again, time, disk, tolerance := "--", "--", "--", "--"
		if s, ok := sets[name]; ok {
			time, disk = span(s), megabytes(filepath.Join(project, "data", s.Meta.Folder()))
			again, tolerance = plan(s), "widened interval"
			if s.Meta.Emulated {
				tolerance = "none"
			}
			if name == "vm-82576" {
				again = "make reproduce-vm"
			}
		}
		fmt.Fprintf(b, "%s & \\texttt{make claims CLAIM=%s} & \\texttt{%s} & %s & %s & %s & %s \\\\\n",
			r.ID, r.ID, render.Escape(again), time, disk, strings.ToLower(string(r.Finding.Verdict)), tolerance)
	}
	return b.Bytes()
}

var collected = regexp.MustCompile("`harness (sweep [^`]+)`")

// plan is the command that collected the dataset, as its datasheet has it.
func plan(s *runs.Set) string {
	if m := collected.FindStringSubmatch(s.Meta.About); m != nil {
		return "bin/harness " + m[1]
	}
	return "--"
}

// megabytes is the size of all files below a folder.
func megabytes(dir string) string {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		return "--"
	}
	return fmt.Sprintf("%.1f MB", float64(sum)/1e6)
}
