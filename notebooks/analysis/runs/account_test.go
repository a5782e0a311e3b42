// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"math"
	"slices"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/internal/root"
)

// TestDerive: an old dataset's run in which one of two connections waits for all
// of the second gets the mean that Little's law demands, and its mark.
func TestDerive(t *testing.T) {
	var rows []dataset.Request
	for at := int64(0); at < 1e9; at += 1e6 {
		rows = append(rows, dataset.Request{IntendedNs: at, SentNs: at, FirstByteNs: at + 1e6, LastByteNs: at + 1e6, Status: 200, Offset: at / 1e6 * 60})
	}
	rows = append(rows, dataset.Request{Conn: 1, FirstByteNs: 1.2e9, LastByteNs: 1.2e9, Status: 200})
	run := dataset.Run{Run: "old", Attempt: 1, Tier: "t", Boundary: "user", Load: "c2", File: "100", Loop: "closed", Connections: 2, Outcome: dataset.OK,
		ElapsedNs: 1e9, MeanNs: 1e6, Occupancy: .5, Marks: "occupancy client-bound"}
	recent := run
	recent.Run, recent.Block, recent.WaitNs = "recent", 1, 3e6
	d := datasettest.Open(t, []datasettest.Run{{Run: run, Requests: rows}, {Run: recent, Requests: rows}})
	if err := derive(d); err != nil {
		t.Fatal(err)
	}
	old := &d.Runs()[0]
	mean, err := Mean(old)
	if err != nil || math.Abs(mean/2e6-1) > .01 || old.Occupancy < .999 || old.Silent != 1 {
		t.Errorf("mean %v ns, occupancy %v, %d silent, %v", mean, old.Occupancy, old.Silent, err)
	}
	marks := strings.Fields(old.Marks)
	if !slices.Contains(marks, "starved") || !slices.Contains(marks, "client-bound") || slices.Contains(marks, "occupancy") {
		t.Errorf("marks %v", marks)
	}
	if got := &d.Runs()[1]; got.WaitNs != 3e6 || got.Occupancy != .5 {
		t.Errorf("a run that has its columns was changed: %+v", got)
	}
}

// TestReleasedStarvation: netns 1.0.0 published gunicorn's mean at 64 connections
// as half of what a closed loop demands, N / X (shared among all its blocks), and
// a run of nginx that answered almost nothing as a normal one.
func TestReleasedStarvation(t *testing.T) {
	dir, err := root.Find()
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenFolder(dir + "/data/netns/v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range s.Runs() {
		if r.Outcome != dataset.OK {
			continue
		}
		switch {
		case r.Tier == "gunicorn" && r.Load == "c64":
			n++
			cycle := float64(r.Connections) / r.Throughput * 1e9
			if math.Abs(r.WaitNs/cycle-1) > .03 || r.MeanNs > .95*r.WaitNs || !slices.Contains(strings.Fields(r.Marks), "starved") {
				t.Errorf("%s: mean %v, by Little %v, N/X %v, %s", r.Run, r.MeanNs, r.WaitNs, cycle, r.Marks)
			}
		case r.Run == "b06-nginx-c16-100":
			n++
			if r.WaitNs < 100*r.MeanNs || !slices.Contains(strings.Fields(r.Marks), "earlier") {
				t.Errorf("%s: mean %v, by Little %v, %s", r.Run, r.MeanNs, r.WaitNs, r.Marks)
			}
		}
		if r.Loop == "closed" && r.Occupancy > 1 {
			t.Errorf("%s: occupancy %v", r.Run, r.Occupancy)
		}
	}
	if n != 9 {
		t.Errorf("%d runs checked, want 9", n)
	}
}
