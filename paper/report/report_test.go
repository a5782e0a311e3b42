// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"crossing/notebooks/analysis/paperfigures"
	"crossing/notebooks/analysis/runs"
	"crossing/paper/claims"
	"crossing/paper/render"
)

// executed is a notebook as the kernel leaves it: a figure, a table, a sentence.
const executed = `{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
 {"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# 1 · Made up\n", "\n", "**Question.** Is $x < y$?"]},
 {"cell_type": "code", "id": "c", "metadata": {}, "execution_count": 1, "source": "%%\nmust.M(show.Figure(name, f))", "outputs": [
  {"output_type": "display_data", "metadata": {}, "data": {"application/vnd.crossing.figure": "mean-latency", "text/plain": "a figure",
   "image/svg+xml": "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"><path d=\"M0 0L9 9\"/></svg>"}},
  {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<table><tr><td>1</td></tr></table>", "text/plain": "1"}},
  {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<p><strong>It is &lt; 5 %.</strong></p>", "text/plain": "It is < 5 %."}}]}]}`

// folder holds what the tests have in common: one input, and one site of it.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "report-*"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

var once struct {
	sync.Once
	in   Input
	site string
}

// built is a site of the released datasets and a made-up notebook.
func built(t *testing.T) string {
	t.Helper()
	once.Do(func() {
		once.in = made(t)
		once.site = filepath.Join(folder, "site")
		if err := Build(once.site, once.in); err != nil {
			t.Fatal(err)
		}
	})
	if once.site == "" {
		t.Fatal("there is no site")
	}
	return once.site
}

func made(t *testing.T) Input {
	t.Helper()
	sets, err := runs.Released("../../data")
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Notebooks: filepath.Join(folder, "notebooks")}
	if err := os.MkdirAll(in.Notebooks, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		in.Sets = append(in.Sets, sets[name])
	}
	fixed, err := claims.Read("../claims.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range fixed.Claims {
		in.Claims = append(in.Claims, claims.Test(c, func(name string) (*runs.Set, bool) {
			s, ok := sets[name]
			return s, ok
		}))
	}
	if err := os.WriteFile(filepath.Join(in.Notebooks, "1-made-up.ipynb"), []byte(executed), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := paperfigures.Figure(sets["netns"], paperfigures.Mean, file).Save(filepath.Join(in.Notebooks, "figures"), "mean-latency"); err != nil {
		t.Fatal(err)
	}
	return in
}

// tree is every file of a folder.
func tree(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		all[path], err = os.ReadFile(filepath.Join(dir, path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSameBytesEachTime(t *testing.T) {
	a := tree(t, built(t))
	again := filepath.Join(t.TempDir(), "again")
	if err := Build(again, once.in); err != nil {
		t.Fatal(err)
	}
	b := tree(t, again)
	if len(a) != len(b) || len(a) < 10 {
		t.Fatalf("%d and %d files", len(a), len(b))
	}
	for name := range a {
		if !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s differs from one time to the next", name)
		}
	}
}

func TestFirstPage(t *testing.T) {
	page := string(tree(t, built(t))["index.html"])
	for _, c := range once.in.Claims {
		if !strings.Contains(page, `<tr id="`+c.ID+`">`) || !strings.Contains(page, render.Verdict(c.Finding)) {
			t.Errorf("claim %s is not there", c.ID)
		}
	}
	for _, want := range []string{"1 · Made up", "It is &lt; 5 %.", `src="figures/mean-latency.svg"`, `href="1-made-up.html"`, "data/netns/v", "runs.parquet"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not there", want)
		}
	}
}

var target = regexp.MustCompile(`(?:src|href)="([^"]*)"`)

// TestNothingPointsOutside: every target is a file of the site.
func TestNothingPointsOutside(t *testing.T) {
	files := tree(t, built(t))
	links := 0
	for name, b := range files {
		if filepath.Ext(name) != ".html" {
			continue
		}
		for _, m := range target.FindAllSubmatch(b, -1) {
			link, _, _ := strings.Cut(string(m[1]), "#")
			if link == "" || link == "data:," {
				continue
			}
			links++
			if _, ok := files[link]; !ok {
				t.Errorf("%s points to %q, which is not a file of the site", name, m[1])
			}
		}
	}
	if links < 10 {
		t.Errorf("%d links", links)
	}
}

// TestBadInput: each fault is one clear error.
func TestBadInput(t *testing.T) {
	for name, c := range map[string]struct{ file, content, want string }{
		"no notebooks":           {"x.txt", "", "no executed notebook"},
		"not a notebook":         {"x.ipynb", "{", "x.ipynb"},
		"a figure without files": {"x.ipynb", executed, "mean-latency"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.content), 0o644); err != nil {
				t.Fatal(err)
			}
			err := Build(filepath.Join(t.TempDir(), "r"), Input{Notebooks: dir})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v does not say %q", err, c.want)
			}
		})
	}
}
