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
)

const generated = "% Generated from paper/claims.yaml and the released datasets. Do not edit.\n"

// verdicts is a row for each claim: what was said, the verdict, on what.
func verdicts(tested []claims.Result) []byte {
	b := bytes.NewBufferString(generated)
	for _, r := range tested {
		on := r.Dataset
		if on == "" {
			on = "--"
		}
		mark := ""
		if r.Exploratory {
			mark = "$^{*}$"
		}
		fmt.Fprintf(b, "%s%s & %s & %s & %s \\\\\n", r.ID, mark, escape(r.Text), strings.ToLower(string(r.Verdict)), escape(on))
	}
	return b.Bytes()
}

// claimList is the claims with their numbers and with what else may have made
// them.
func claimList(tested []claims.Result) []byte {
	b := bytes.NewBufferString(generated)
	for _, r := range tested {
		if r.Dataset == "" {
			fmt.Fprintf(b, "\\item[%s] \\textbf{Not tested}: %s.\n", r.ID, escape(r.Numbers))
			continue
		}
		fmt.Fprintf(b, "\\item[%s] \\textbf{%s} by %s: %s.", r.ID, capital(string(r.Verdict)), escape(r.Dataset), escape(r.Numbers))
		if r.Verdict != claims.Supported {
			fmt.Fprintf(b, " \\emph{As far as the data tell:} %s.", escape(r.Caution))
		}
		fmt.Fprintf(b, " \\emph{Left open:} %s", escape(r.Note))
		for _, f := range r.Elsewhere {
			fmt.Fprintf(b, " By %s: %s (%s).", escape(f.Dataset), strings.ToLower(string(f.Verdict)), escape(f.Numbers))
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}

func capital(s string) string { return s[:1] + strings.ToLower(s[1:]) }

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
		fmt.Fprintf(b, "%s & %d & %d & %s & %s & %s \\\\\n", escape(s.Meta.ID()), len(s.Runs()), len(blocks), thousands(requests), clock, megabytes(filepath.Join(project, "data", s.Meta.Folder())))
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
			r.ID, r.ID, escape(again), time, disk, strings.ToLower(string(r.Verdict)), tolerance)
	}
	return b.Bytes()
}

var collected = regexp.MustCompile("`harness (sweep [^`]+)`")

// plan is the command that collected the dataset, as its datasheet says.
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
