// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crossing/internal/root"
)

// write makes a notebook of code cells, by their ids.
func write(t *testing.T, cells ...[2]string) string {
	t.Helper()
	var all []map[string]any
	for _, c := range cells {
		all = append(all, map[string]any{"cell_type": "code", "id": c[0], "metadata": map[string]any{}, "source": c[1], "outputs": []any{}, "execution_count": nil})
	}
	b, err := json.Marshal(map[string]any{"cells": all, "nbformat": 4, "nbformat_minor": 5,
		"metadata": map[string]any{"kernelspec": map[string]any{"display_name": "Go (gonb)", "language": "go", "name": "gonb"}}})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "made-up.ipynb")
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestExecution runs made-up notebooks through the real kernel.
func TestExecution(t *testing.T) {
	repo, err := root.Find()
	if err != nil {
		t.Fatal(err)
	}
	path, err := registerKernel(repo)
	if err != nil {
		t.Fatal(err)
	}
	const say = "%noautoget\nimport \"crossing/notebooks/analysis/show\"\n\n%%\nif err := show.Say(\"six by nine\"); err != nil {\n\tpanic(err)\n}"
	for _, c := range []struct {
		name  string
		cells [][2]string
		want  []string // of the error; none: it succeeds
	}{
		{"good", [][2]string{{"say", say}}, nil},
		{"panic", [][2]string{{"fine", "%%\nprintln(1)"}, {"breaks", "%%\npanic(\"a made-up fault\")"}}, []string{`made-up.ipynb: cell "breaks" failed`, "a made-up fault"}},
		{"does not compile", [][2]string{{"typo", "%%\nvar x int = \"text\"\n_ = x"}}, []string{`cell "typo" failed`}},
		{"never ends", [][2]string{{"endless", "import \"time\"\n\n%%\ntime.Sleep(time.Hour)"}}, []string{`cell "endless" ran longer than 15s`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := run(repo, path, "", t.TempDir(), 15*time.Second, c.want == nil, []string{write(t, c.cells...)})
			if c.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatal("succeeded")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

// TestCheck: what a zero exit status hides is found.
func TestCheck(t *testing.T) {
	shown := []output{{Type: "display_data"}}
	for _, c := range []struct {
		name string
		cell cell
		want string
	}{
		{"arrived", cell{Source: "show.Say(x)", Outputs: shown}, ""},
		{"lost", cell{ID: "a", Source: "show.Say(x)\nshow.Say(y)", Outputs: shown}, `cell "a" shows 2 things, but 1 arrived`},
		{"in a loop", cell{Source: "for range x {\n\tshow.Say(x)\n}"}, ""},
		{"error", cell{ID: "b", Outputs: []output{{Type: "error"}}}, `cell "b" failed`},
		{"panic", cell{ID: "c", Outputs: []output{{Type: "stream", Name: "stderr", Text: "panic: x"}}}, `cell "c" panicked`},
	} {
		c.cell.Type = "code"
		n := notebook{Cells: []cell{c.cell}}
		err := n.check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAnswersAreTheSentences(t *testing.T) {
	n := notebook{Cells: []cell{
		{Type: "code", Source: "show.Say(x)", Outputs: []output{{Data: map[string]text{"text/html": "<p><strong>x</strong></p>", "text/plain": "x\n"}}}},
		{Type: "code", Source: "show.Table(y)", Outputs: []output{{Data: map[string]text{"text/html": "<table>", "text/plain": "y"}}}},
	}}
	if got := n.answers(); len(got) != 1 || got[0] != "x" {
		t.Errorf("%q", got)
	}
}

func TestBlameNamesALongCell(t *testing.T) {
	source := "import \"x\"\n\tb\nc\nd\ne\nf\ng\nh\ni\nj\nk"
	n := notebook{Cells: []cell{{Type: "code", ID: "other", Source: "z"}, {Type: "code", ID: "long", Source: text(source)}}}
	messages := "A cell timed out while it was being executed, after 9 seconds.\n['import \"x\"', '\\tb', 'c', 'd', 'e']\n...\n['g', 'h', 'i', 'j', 'k']"
	if got := n.blame(messages, 9*time.Second); got != `cell "long" ran longer than 9s` {
		t.Error(got)
	}
}

func TestDiffer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", -1}, {"same", "same", -1}, {"abc", "abd", 2}, {"ab", "abc", 2}} {
		if got := differ([]byte(c.a), []byte(c.b)); got != c.want {
			t.Errorf("%q %q: %d", c.a, c.b, got)
		}
	}
}

func FuzzNotebook(f *testing.F) {
	f.Add([]byte(`{"cells":[{"cell_type":"code","source":["a","b"],"outputs":[{"data":{"x":{"y":1}}}]}]}`))
	f.Add([]byte(`{"cells":[{"source":1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		name := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if n, err := readNotebook(name); err == nil {
			_ = n.check()
			n.answers()
			n.blame("x", time.Second)
		}
	})
}

// TestSources: the kernel is not built into a folder that is not the project's.
func TestSources(t *testing.T) {
	guest := t.TempDir() // has the tiers' files and no go.mod
	if err := os.Mkdir(filepath.Join(guest, "servers"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv(root.Env, guest)
	if project, err := sources(); !errors.Is(err, errNoSources) {
		t.Errorf("%q, %v: want %v", project, err, errNoSources)
	}
	c := rootCmd()
	c.SetArgs([]string{"--twice"})
	if err := c.Execute(); !errors.Is(err, errNoSources) {
		t.Errorf("execute: %v, want %v", err, errNoSources)
	}
	if left, err := os.ReadDir(guest); err != nil || len(left) != 1 {
		t.Errorf("%d entries in the folder (%v): something was built there", len(left), err)
	}
}
