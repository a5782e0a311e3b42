// SPDX-License-Identifier: Apache-2.0

package initrd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	w.File("/a/b/file", 0o640, []byte("hello"))
	w.Link("a/link", "b/file")
	w.Dir("empty")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAgainstCpio lets cpio(1), an independent reader, unpack what was written.
func TestAgainstCpio(t *testing.T) {
	if _, err := exec.LookPath("cpio"); err != nil {
		t.Skip("cpio is not installed: apt-get install cpio")
	}
	dir := t.TempDir()
	cmd := exec.Command("cpio", "-idm", "--quiet", "--no-preserve-owner")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(archive(t))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cpio: %v: %s", err, out)
	}
	got, err := os.ReadFile(filepath.Join(dir, "a/b/file"))
	if err != nil || string(got) != "hello" {
		t.Errorf("a/b/file = %q, %v; want hello", got, err)
	}
	info, err := os.Stat(filepath.Join(dir, "a/b/file"))
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode of a/b/file = %v, %v; want 0640", info.Mode(), err)
	}
	if target, err := os.Readlink(filepath.Join(dir, "a/link")); target != "b/file" {
		t.Errorf("a/link → %q, %v; want b/file", target, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "empty")); err != nil || !info.IsDir() {
		t.Errorf("empty: %v, %v; want a directory", info, err)
	}
}

func TestSameCallsSameBytes(t *testing.T) {
	if !bytes.Equal(archive(t), archive(t)) {
		t.Error("two archives of the same files differ")
	}
	if n := len(archive(t)); n%512 != 0 {
		t.Errorf("archive is %d bytes long, not a multiple of 512", n)
	}
}

func TestErrorStays(t *testing.T) {
	w := NewWriter(new(bytes.Buffer))
	missing := filepath.Join(t.TempDir(), "missing")
	if err := w.Copy("x", 0, missing); err == nil {
		t.Fatal("Copy of a missing file: no error")
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("Close = %v; want the first error", err)
	}
}
