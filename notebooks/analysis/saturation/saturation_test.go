// SPDX-License-Identifier: Apache-2.0

package saturation

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/notebooks/analysis/runs"
)

// set makes a server that serves at most `knee` requests at once, each in a
// millisecond exactly; p99 is what the run claims for its 99th percentile, as a
// multiple of the mean. Rates differ from block to block by up to the share
// noise.
func set(t *testing.T, knee float64, blocks int, connections []int32, p99, noise float64) *runs.Set {
	t.Helper()
	var all []datasettest.Run
	for block := range int32(blocks) {
		for _, c := range connections {
			rate := 1000 * min(float64(c), knee)
			took := int64(float64(c) / rate * 1e9)
			requests := make([]dataset.Request, 200)
			for i := range requests {
				requests[i] = datasettest.Answered(int64(i)*took, took)
			}
			rate *= 1 + noise*(float64((block*7+c*3)%5)-2)/2
			r := dataset.Run{Run: fmt.Sprint(block, c), Block: block, Tier: "made", Boundary: "user", Load: fmt.Sprintf("c%d", c), File: "100", Loop: "closed", Connections: c,
				Outcome: dataset.OK, Throughput: rate, P99Ns: int64(p99 * float64(took))}
			all = append(all, datasettest.Run{Run: r, Requests: requests})
		}
	}
	return runs.New(datasettest.Open(t, all))
}

var loads = []int32{1, 2, 3, 4, 6, 8, 16, 32, 64}

func TestPlantedKnee(t *testing.T) {
	tiers := Find(set(t, 4, 8, loads, 1, .05), "100")
	if len(tiers) != 1 || tiers[0].Name != "made" {
		t.Fatalf("%+v", tiers)
	}
	for _, k := range tiers[0].Knees {
		// The law is smooth, and the server is not.
		if k.Method != "USL" && (k.Err != nil || math.Abs(k.Estimate/4-1) > .05) {
			t.Errorf("%+v, the knee is at 4", k)
		}
	}
	if got := Answer(tiers, "made", 4); !strings.Contains(got, "3 of the 4 methods") {
		t.Error(got)
	}
	if got := Answer(tiers, "made", 40); !strings.Contains(got, "0 of the 4 methods") {
		t.Error(got)
	}
	if got := Answer(tiers, "absent", 4); got != "absent is not in this dataset." {
		t.Error(got)
	}
	if header, rows := Table(tiers); len(rows) != 1 || len(rows[0]) != len(header) {
		t.Errorf("%v %v", header, rows)
	}
}

// TestPlantedExcess: services are all equal, so the ideal's responses are, too,
// and the whole of the p99 above the mean is excess.
func TestPlantedExcess(t *testing.T) {
	for _, knee := range []float64{1, 2, 4} {
		all := Excesses(set(t, knee, 3, []int32{1, 4, 16}, 3, 0), "100")
		if len(all) != 2 {
			t.Fatalf("%+v", all)
		}
		for _, e := range all {
			if want := float64(e.Connections) / knee * 1e3; e.Err != nil || math.Abs(e.Ideal/want-1) > .01 || math.Abs(e.Ratio.Estimate/3-1) > .01 {
				t.Errorf("knee %v: %+v, want an ideal of %v µs and a ratio of 3", knee, e, want)
			}
		}
		if got := ExcessAnswer(all); !strings.Contains(got, "In 2 of 2 cells") {
			t.Error(got)
		}
	}
}

// TestWhatIsMissingIsSaid: nothing is dropped in silence, nothing panics.
func TestWhatIsMissingIsSaid(t *testing.T) {
	one := Excesses(set(t, 4, 1, []int32{1, 8}, 2, 0), "100")
	if len(one) != 1 || one[0].Err == nil || math.IsNaN(one[0].Measured) {
		t.Errorf("one block: %+v", one)
	}
	without := set(t, 4, 2, []int32{8, 16}, 2, 0)
	all := Excesses(without, "100")
	if len(all) != 2 || all[0].Err == nil || !strings.Contains(all[0].Err.Error(), "no block has both c8 and one connection") {
		t.Errorf("without one connection: %+v", all)
	}
	if got := ExcessAnswer(all); !strings.Contains(got, "No tier has") {
		t.Error(got)
	}
	if f := ExcessFigure(without, all); !strings.Contains(f.Text, "made: 2 of 2 points have no value") {
		t.Error(f.Text)
	}
	for _, tier := range Find(without, "100") {
		for _, k := range tier.Knees {
			if k.Err == nil {
				t.Errorf("two loads have a knee: %+v", k)
			}
		}
	}
	if got := Excesses(without, "no such file"); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if f := Figure(without, "100"); !strings.Contains(f.Text, "no value") && !strings.Contains(f.Text, "nothing to draw") {
		t.Error(f.Text)
	}
}

// TestLadder: the waits that were put in come out, and what was not offered as
// drawn is left out.
func TestLadder(t *testing.T) {
	var all []datasettest.Run
	for block := range int32(3) {
		for _, c := range []struct {
			tier, load string
			outcome    dataset.Outcome
			ms         int64
		}{
			{"made", "o10", dataset.OK, 1}, {"made", "o90", dataset.OK, 7}, {"made", "o95", dataset.Rejected, 500}, {"made", "c8", dataset.OK, 3},
			{"once", "o50", dataset.OK, 2},
		} {
			r := dataset.Run{Run: fmt.Sprint(c.tier, c.load, block), Block: block, Tier: c.tier, Boundary: "user", Load: c.load, File: "100", Loop: "open", Arrivals: "fixed", Connections: 64,
				Outcome: c.outcome, P99Ns: c.ms * 1e6}
			all = append(all, datasettest.Run{Run: r, Requests: []dataset.Request{datasettest.Answered(0, c.ms*1e6)}})
		}
	}
	s := runs.New(datasettest.Open(t, all))
	steps := Ladder(s, "100")
	header, rows := LadderTable(steps)
	want := [][]string{{"made", "10", "1000 [1000, 1000]", "3"}, {"made", "90", "7000 [7000, 7000]", "3"}, {"made", "95", "the load was not offered as drawn in 3 of 3 runs", "0"}, {"once", "50", "2000 [2000, 2000]", "3"}}
	if fmt.Sprint(rows) != fmt.Sprint(want) || len(header) != len(rows[0]) {
		t.Errorf("%v %v", header, rows)
	}
	if got := LadderAnswer(steps); !strings.Contains(got, "made's is 7 times at 90 % what it is at 10 %.") || strings.Contains(got, "once") {
		t.Error(got)
	}
	f := LadderFigure(s, steps)
	if !strings.Contains(f.Text, "made: 10→1000 90→7000") || !strings.Contains(f.Text, "made at 95 %: the load was not offered as drawn in 3 of 3 runs") {
		t.Error(f.Text)
	}
	if !strings.Contains(f.Text, "closed loop. Fixed arrivals over 64 connections.") || !strings.Contains(f.Text, "Not usable, and left out: 3 of 12 runs.") {
		t.Error(f.Text)
	}
	if got := LadderAnswer(nil); !strings.Contains(got, "no open loops") {
		t.Error(got)
	}
}
