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
				Outcome: dataset.OK, Throughput: rate, Requests: 1000, P99Ns: int64(p99 * float64(took))}
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
	if got := Answer(tiers, "made", 4); !got.Holds() || !strings.Contains(got.String(), "the saturation point N* is 4") {
		t.Error(got)
	}
	if got := Answer(tiers, "made", 40); got.Holds() || !strings.Contains(got.String(), "does not hold") {
		t.Error(got)
	}
	if got := Answer(tiers, "absent", 4).String(); got != "absent is not in this dataset." {
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
		if got := ExcessAnswer(all); got.Cells != 2 || got.Compared != 2 || !strings.Contains(got.String(), "In 2 of 2 cells") {
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
	if got := ExcessAnswer(all); !strings.Contains(got.String(), "No tier has") {
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

// ladder makes runs of open loops, in three blocks.
func ladder(t *testing.T, cells []cell) *runs.Set {
	t.Helper()
	var all []datasettest.Run
	for block := range int32(3) {
		for _, c := range cells {
			r := dataset.Run{Run: fmt.Sprint(c.tier, c.load, block), Block: block, Tier: c.tier, Boundary: "user", Load: c.load, File: "100", Loop: "open", Arrivals: "fixed", Connections: 64,
				Outcome: dataset.OK, Requests: 1000, P99Ns: c.ms * 1e6, ElapsedNs: 1e9}
			if c.late && block < 2 {
				r.Outcome, r.Error = dataset.Rejected, "adherence 80 %, below 95 %"
				r.P99Ns *= 100
			}
			requests := make([]dataset.Request, 1000)
			for i := range requests {
				requests[i] = datasettest.Answered(int64(i)*1e6, c.ms*1e6)
			}
			for i := range c.unsent {
				q := &requests[len(requests)-1-i]
				q.Failure, q.Status, q.SentNs, q.LastByteNs = dataset.Unsent, 0, q.IntendedNs, q.IntendedNs
				r.Failures++
			}
			all = append(all, datasettest.Run{Run: r, Requests: requests})
		}
	}
	return runs.New(datasettest.Open(t, all))
}

type cell struct {
	tier, load string
	ms         int64
	late       bool
	unsent     int
}

// TestLadder: the waits that were put in come out, and those of the runs in which
// the server fell behind with them.
func TestLadder(t *testing.T) {
	s := ladder(t, []cell{{tier: "made", load: "o10", ms: 1}, {tier: "made", load: "o90", ms: 7, late: true}, {tier: "made", load: "c8", ms: 3}, {tier: "once", load: "o50", ms: 2}})
	steps, err := Ladder(s, "100")
	if err != nil {
		t.Fatal(err)
	}
	header, rows := LadderTable(steps)
	if len(rows) != 3 || len(header) != len(rows[0]) || rows[0][2] != "1000 [1000, 1000]" {
		t.Fatalf("%v %v", header, rows)
	}
	// Two runs of 700 ms and one of 7: the survivor alone would say 7.
	if step := steps[1]; math.Abs(step.Estimate-1e3*(700+700+7)/3) > 1e-6 || step.N != 3 || step.Late != 2 || step.Bound {
		t.Errorf("%+v", step)
	}
	if got := LadderAnswer(steps).String(); !strings.Contains(got, "made's is 470 times at 90 % what it is at 10 %.") || strings.Contains(got, "once") {
		t.Error(got)
	}
	f := LadderFigure(s, steps)
	if !strings.Contains(f.Text, "closed loop. Fixed arrivals over 64 connections.") || !strings.Contains(f.Text, "In 2 of 9 runs the server fell behind") {
		t.Error(f.Text)
	}
	if got := LadderAnswer(nil).String(); !strings.Contains(got, "no open loops") {
		t.Error(got)
	}
}

// TestLadderOfRequestsWithoutResponse: they wait until the end at least. Where
// they reach into the p99 it is a bound; where fewer than 1 % of the requests are
// without a response, and none waits longer than others, it is a value.
func TestLadderOfRequestsWithoutResponse(t *testing.T) {
	steps, err := Ladder(ladder(t, []cell{{tier: "made", load: "o90", ms: 7, unsent: 200}, {tier: "made", load: "o95", ms: 7, unsent: 3}}), "100")
	if err != nil {
		t.Fatal(err)
	}
	// The unsent ones were due in the last 200 ms; ten waited longer than 190.
	if got := steps[0]; !got.Bound || math.Abs(got.Estimate-191e3) > 1e3 {
		t.Errorf("%+v", got)
	}
	if got := steps[1]; got.Bound || got.Estimate != 7000 {
		t.Errorf("%+v", got)
	}
	if _, rows := LadderTable(steps); !strings.HasPrefix(rows[0][2], "≥ ") || strings.HasPrefix(rows[1][2], "≥") {
		t.Error(rows)
	}
	if got := LadderAnswer([]Step{steps[1], steps[0]}).String(); !strings.Contains(got, "at least ") {
		t.Error(got)
	}
}
