// SPDX-License-Identifier: Apache-2.0

package root

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tracked are the files of the project, by their path below the root.
func tracked(t *testing.T) (dir string, files []string) {
	t.Helper()
	dir, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("git", "-C", dir, "ls-files", "-z").Output()
	if err != nil {
		t.Skipf("not a checkout: %v", err)
	}
	for _, f := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if _, err := os.Lstat(filepath.Join(dir, f)); err == nil { // or it is about to be removed
			files = append(files, f)
		}
	}
	return dir, files
}

// start is the beginning of a file.
func start(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1024)
	n, _ := f.Read(b)
	return b[:n]
}

// headed are the kinds of files that carry an SPDX line; the licences of the
// others are in REUSE.toml.
var headed = []string{".go", ".c", ".h", ".s", ".S", ".sh", ".py", ".mjs", ".js", ".css", ".yaml", ".yml", ".tex", ".bib", ".sbatch", ".toml"}

// bpf are the folders of BPF programs, whose headers they share.
var bpf = []string{"harness/trace", "servers/kernel/ebpf", "servers/kernel/ebpftc"}

// licence is the SPDX expression that a source must have.
func licence(file string) string {
	switch {
	case strings.HasPrefix(file, "kmod/"):
		return "GPL-2.0-only"
	case strings.HasSuffix(file, ".bpf.c"), path.Ext(file) == ".h" && slices.Contains(bpf, path.Dir(file)):
		return "(GPL-2.0-only OR BSD-2-Clause)"
	case path.Dir(file) == "paper" && slices.Contains([]string{".tex", ".bib", ".yaml"}, path.Ext(file)):
		return "CC-BY-4.0"
	}
	return "Apache-2.0"
}

func TestEverySourceHasItsLicence(t *testing.T) {
	dir, files := tracked(t)
	used := map[string]bool{}
	for _, f := range files {
		name := path.Base(f)
		if !(slices.Contains(headed, path.Ext(f)) || name == "Makefile" || name == "Kbuild") || strings.HasSuffix(f, "_bpfel.go") || f == "REUSE.toml" {
			continue
		}
		want := licence(f)
		used[want] = true
		line := []byte("SPDX-License-Identifier: " + want)
		head := start(t, filepath.Join(dir, f))
		at := bytes.Index(head, line)
		if at < 0 || bytes.Count(head[:at], []byte("\n")) > 2 {
			t.Errorf("%s: no %q within its first three lines", f, line)
		}
	}
	if len(used) != 4 {
		t.Errorf("%d licences are used: %v", len(used), used)
	}
}

// TestLicenceTexts: the text of each licence that is used is there, and no
// other.
func TestLicenceTexts(t *testing.T) {
	dir, files := tracked(t)
	toml, err := os.ReadFile(filepath.Join(dir, "REUSE.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Apache-2.0", "GPL-2.0-only", "BSD-2-Clause", "CC-BY-4.0"} {
		if !slices.Contains(files, "LICENSES/"+name+".txt") || !bytes.Contains(toml, []byte(name)) {
			t.Errorf("%s: no text in LICENSES, or no use in REUSE.toml", name)
		}
	}
	if n := len(slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !strings.HasPrefix(f, "LICENSES/") })); n != 4 {
		t.Errorf("%d texts in LICENSES, 4 licences", n)
	}
	if !slices.Contains(files, "LICENSE") {
		t.Error("no LICENSE at the top")
	}
}

// TestNoBinaries: no programs, libraries or archives but the BPF objects, which
// a test compiles again.
func TestNoBinaries(t *testing.T) {
	dir, files := tracked(t)
	for _, f := range files {
		if strings.HasSuffix(f, "_bpfel.o") || strings.HasSuffix(f, ".parquet") {
			continue
		}
		head := start(t, filepath.Join(dir, f))
		for what, magic := range map[string]string{
			"an ELF file": "\x7fELF", "a PE file": "MZ\x90", "an archive of objects": "!<arch>\n",
			"a zip archive": "PK\x03\x04", "gzip": "\x1f\x8b", "xz": "\xfd7zXZ", "zstd": "\x28\xb5\x2f\xfd", "bzip2": "BZh",
			"a squashfs image": "hsqs", "a cpio archive": "070701",
		} {
			if bytes.HasPrefix(head, []byte(magic)) {
				t.Errorf("%s is %s", f, what)
			}
		}
		if len(head) > 262 && string(head[257:262]) == "ustar" {
			t.Errorf("%s is a tar archive", f)
		}
	}
}
