// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWrite(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	for i, text := range []string{"one", "a longer one", "", "four"} {
		write := Write
		if i%2 == 1 {
			write = Scratch
		}
		if err := write(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != text {
			t.Errorf("%q, %v; want %q", got, err, text)
		}
		if info, err := os.Stat(name); err != nil || info.Mode() != 0o644 {
			t.Errorf("mode %v under umask 077", info.Mode())
		}
	}
}

// TestFailure: a failed write leaves the old file, and nothing beside it.
func TestFailure(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	if err := Write(name, []byte("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := WriteFrom(name, func(w io.Writer) error { _, _ = io.WriteString(w, "half"); return broken })
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if got, _ := os.ReadFile(name); string(got) != "old" {
		t.Errorf("file holds %q", got)
	}
	if all, _ := os.ReadDir(dir); len(all) != 1 {
		t.Errorf("%d files are left", len(all))
	}
	for _, write := range []func(string, []byte) error{Write, Scratch} {
		if err := write(filepath.Join(dir, "none", "file"), nil); err == nil {
			t.Error("written into a folder that is not there")
		}
		if err := write(dir, nil); err == nil {
			t.Error("a folder was replaced")
		}
	}
	if all, _ := os.ReadDir(dir); len(all) != 1 {
		t.Errorf("%d files are left", len(all))
	}
}
