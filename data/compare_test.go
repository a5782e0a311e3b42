package data

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompare finds a changed column and a changed byte, and takes no notice of
// runs that only one dataset has.
func TestCompare(t *testing.T) {
	create := func(mean float64, names ...string) *Dataset {
		dir := filepath.Join(t.TempDir(), "d")
		w, err := Create(dir, "test")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			r := Run{Run: name, Attempt: 1, Tier: name, Boundary: "user", Load: "c1", File: "100", Loop: "closed", Outcome: OK, MeanNs: mean}
			rows := []Request{{Status: 200}}
			if err := w.Add(r, rows, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Finish(Meta{Name: "test", Version: "1.0.0"}, nil); err != nil {
			t.Fatal(err)
		}
		d, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	whole := create(5, "x", "y")
	if n, diff := Compare(whole, create(5, "y", "z")); n != 1 || len(diff) > 0 {
		t.Errorf("the same: %d compared, %v", n, diff)
	}
	if n, diff := Compare(whole, create(6, "x")); n != 1 || len(diff) != 1 || !strings.Contains(diff[0].Error(), "mean_ns (5, 6)") {
		t.Errorf("another mean: %d compared, %v", n, diff)
	}
	spoilt := create(5, "x")
	name := spoilt.file(spoilt.runs[0].RequestsFile())
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, diff := Compare(whole, spoilt); len(diff) != 1 {
		t.Errorf("another byte: %v", diff)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if _, diff := Compare(whole, spoilt); len(diff) != 1 {
		t.Errorf("a missing file: %v", diff)
	}
}
