// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/harness/vm"
	"crossing/internal/root"
)

// TestReleasedRowsRepeat runs one guest of the released dataset in virtual time
// again and compares every byte: what `make reproduce-vm` does for all of it.
func TestReleasedRowsRepeat(t *testing.T) {
	if missing := vm.Missing(t.Context()); len(missing) > 0 {
		t.Skip("no virtual machine can be had here:\n" + strings.Join(missing, "\n"))
	}
	home, err := root.Find()
	if err != nil {
		t.Fatal(err)
	}
	released, err := dataset.Releases(filepath.Join(home, "data"))
	if err != nil {
		t.Fatal(err)
	}
	newest, ok := dataset.Newest(released, "vm-82576")
	if !ok {
		t.Skip("no dataset vm-82576 is released yet: collect it by `bin/harness sweep vm`")
	}
	// The cell brings its guest's others with it.
	err = repeat(t.Context(), t.Output(), home, newest.Dir(filepath.Join(home, "data")), "^b00-khttpd-c1-")
	if errors.Is(err, errOtherGuest) || errors.Is(err, errShallow) {
		t.Skip(err) // Debian has moved on since the release, or git has: nothing is to fix here
	}
	if err != nil {
		t.Error(err)
	}
}

// TestRepeatRefuses: what cannot be repeated to the byte is said before a guest
// is started.
func TestRepeatRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	w, err := dataset.Create(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(dataset.Run{Run: "x", Clock: "real", Tier: "x", Load: "c1", File: "100", Outcome: dataset.Failed}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(dataset.Meta{Name: "test", Version: "1.0.0"}, nil); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{dir: "not collected in virtual time", os.TempDir(): "is no dataset"} {
		if err := repeat(t.Context(), t.Output(), ".", where, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", where, err, want)
		}
	}
}
