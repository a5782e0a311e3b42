// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"bytes"
	"os"
	"testing"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/paperfigures"
	"crossing/notebooks/analysis/runs"
)

// TestReadmeFigureIsTheData: the figure that a reader sees first is the newest
// release's, to the byte.
func TestReadmeFigureIsTheData(t *testing.T) {
	released, err := dataset.Releases("../data")
	if err != nil {
		t.Fatal(err)
	}
	r, ok := dataset.Newest(released, "netns")
	if !ok {
		t.Fatal("no dataset netns is released")
	}
	d, err := dataset.Open(r.Dir("../data"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := paperfigures.Figure(runs.New(d), paperfigures.Mean, "100").SVG()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("mean-latency.svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("paper/mean-latency.svg is not what the newest release gives: make readme-figure")
	}
}
