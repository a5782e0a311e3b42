// SPDX-License-Identifier: Apache-2.0

package dataset_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
)

// TestCompare finds a changed column and a changed byte, and takes no notice of
// runs that only one dataset has.
func TestCompare(t *testing.T) {
	create := func(mean float64, names ...string) *dataset.Dataset {
		var all []datasettest.Run
		for _, name := range names {
			r := dataset.Run{Run: name, Attempt: 1, Tier: name, Boundary: "user", Load: "c1", File: "100", Loop: "closed", Outcome: dataset.OK, MeanNs: mean}
			all = append(all, datasettest.Run{Run: r, Requests: []dataset.Request{{Status: 200}}})
		}
		return datasettest.Open(t, all)
	}
	whole := create(5, "x", "y")
	if n, diff := dataset.Compare(whole, create(5, "y", "z")); n != 1 || len(diff) > 0 {
		t.Errorf("the same: %d compared, %v", n, diff)
	}
	if n, diff := dataset.Compare(whole, create(6, "x")); n != 1 || len(diff) != 1 || !strings.Contains(diff[0].Error(), "mean_ns (5, 6)") {
		t.Errorf("another mean: %d compared, %v", n, diff)
	}
	spoilt := create(5, "x")
	name := filepath.Join(spoilt.Dir, spoilt.Runs()[0].RequestsFile())
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, diff := dataset.Compare(whole, spoilt); len(diff) != 1 {
		t.Errorf("another byte: %v", diff)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if _, diff := dataset.Compare(whole, spoilt); len(diff) != 1 {
		t.Errorf("a missing file: %v", diff)
	}
}
