package paper

import (
	"bytes"
	"os"
	"testing"

	"crossing/data"
	"crossing/notebooks/replica"
	"crossing/notebooks/runs"
)

// TestReadmeFigureIsTheData: the figure that a reader sees first is the newest
// release's, to the byte.
func TestReadmeFigureIsTheData(t *testing.T) {
	released, err := data.Releases("../data")
	if err != nil {
		t.Fatal(err)
	}
	r, ok := data.Newest(released, "netns")
	if !ok {
		t.Fatal("no dataset netns is released")
	}
	d, err := data.Open(r.Dir("../data"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := replica.Figure(runs.New(d), replica.Mean, "100").SVG()
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
