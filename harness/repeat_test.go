package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crossing/data"
)

// TestRepeatRefuses: what cannot be repeated to the byte is said before a guest
// is started.
func TestRepeatRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	w, err := data.Create(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(data.Run{Run: "x", Clock: "real", Tier: "x", Load: "c1", File: "100", Outcome: data.Failed}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(data.Meta{Name: "test", Version: "1.0.0"}, nil); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{dir: "not collected in virtual time", os.TempDir(): "is no dataset"} {
		if err := repeat(t.Context(), t.Output(), ".", where, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", where, err, want)
		}
	}
}
