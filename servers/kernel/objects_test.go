// SPDX-License-Identifier: Apache-2.0

// Package kernel holds what the tiers in the kernel have in common: a test.
package kernel

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// generate is a line that has an object of BPF programs made; the words behind
// it are bpf2go's.
var (
	generate = regexp.MustCompile(`(?m)^//go:generate go tool bpf2go (.*)$`)
	word     = regexp.MustCompile(`"[^"]*"|\S+`)
)

// TestObjectsAreWhatTheirSourcesGive compiles all BPF programs of the project
// again, as its go:generate lines say. Another compiler gives other bytes, so
// only the one that made the objects is taken.
func TestObjectsAreWhatTheirSourcesGive(t *testing.T) {
	const maker = "clang version 14."
	version, err := exec.Command("clang", "--version").Output()
	if err != nil || !strings.Contains(string(version), maker) {
		t.Skipf("the objects were made by %s, which is not here (apt-get install clang)", maker)
	}
	tool, err := exec.Command("go", "tool", "-n", "bpf2go").Output()
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	files(t, ".go", func(file string, text []byte) {
		for _, m := range generate.FindAllSubmatch(text, -1) {
			folder, out := filepath.Dir(file), t.TempDir()
			var argv []string
			for _, w := range word.FindAllString(string(m[1]), -1) {
				argv = append(argv, strings.Trim(w, `"`))
			}
			cmd := exec.Command(strings.TrimSpace(string(tool)), append([]string{"-output-dir", out}, argv...)...)
			cmd.Dir = folder // names of files go into the object
			if said, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: bpf2go %s: %v\n%s", file, m[1], err, said)
				continue
			}
			results, err := os.ReadDir(out)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				kept := filepath.Join(folder, r.Name())
				made[kept] = true
				want, err := os.ReadFile(kept)
				if err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(filepath.Join(out, r.Name()))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s is not what its source gives: go generate ./%s", kept, folder)
				}
			}
		}
	})
	files(t, ".o", func(file string, _ []byte) {
		if strings.HasSuffix(file, "_bpfel.o") && !made[file] {
			t.Errorf("%s: no go:generate line makes it", file)
		}
	})
}

// files shows every file of the two rooms that hold BPF programs whose name
// ends so.
func files(t *testing.T, suffix string, show func(file string, text []byte)) {
	t.Helper()
	for _, room := range []string{".", "../../harness"} {
		err := filepath.WalkDir(room, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(file, suffix) {
				return err
			}
			text, err := os.ReadFile(file)
			if err == nil {
				show(file, text)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
