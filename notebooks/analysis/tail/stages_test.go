// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/notebooks/analysis/runs"
)

// set makes, for each block, an untraced run and a traced one of half the rate.
// A request takes 100 µs, of which the server has 70 and the first part 10; the
// slowest 1 % wait 300 µs more for a CPU. Of n requests one has no stage.
func set(t *testing.T, n, blocks int) *runs.Set {
	t.Helper()
	var all []datasettest.Run
	for block := range int32(blocks) {
		var requests []dataset.Request
		var times []dataset.Stage
		for i := range n {
			sent := int64(i) * 1e6
			late := int64(0)
			if i%100 == 0 {
				late = 300e3
			}
			q := datasettest.Answered(sent, 100e3+late)
			q.Port, q.Offset = 9, int64(i)
			requests = append(requests, q)
			if i > 0 {
				times = append(times, dataset.Stage{Port: 9, Offset: q.Offset, DeviceNs: sent + 10e3, TCPNs: sent + 11e3, ReadyNs: sent + 12e3,
					WokenNs: sent + 13e3, OnCPUNs: sent + 14e3 + late, RecvNs: sent + 15e3 + late, SendNs: sent + 85e3 + late, FirstNs: sent + 90e3 + late, LastNs: sent + 91e3 + late, Source: "tracepoints"})
			}
		}
		r := dataset.Run{Run: fmt.Sprint(block), Block: block, Tier: "nginx", Boundary: "user", Load: "c16", File: "100", Loop: "closed", Connections: 16, Outcome: dataset.OK, Throughput: 2000}
		all = append(all, datasettest.Run{Run: r, Requests: requests})
		r.Run, r.Load, r.Traced, r.Trace, r.Throughput = r.Run+"t", "c16t", true, "tracepoints", 1000
		r.Stages, r.Unjoined, r.Lost = int64(len(times)), 1, 2
		all = append(all, datasettest.Run{Run: r, Requests: requests, Stages: times})
	}
	return runs.New(datasettest.Open(t, all))
}

func groups(t *testing.T, s *runs.Set) []Group {
	t.Helper()
	g, err := Groups(s, "100")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestKnownShares(t *testing.T) {
	g := groups(t, set(t, 2001, 3))
	if len(g) != 1 || g[0].Tier.Name != "nginx" || g[0].Load != "c16" || len(g[0].Runs) != 3 || len(g[0].Runs[0].Total) != 2000 {
		t.Fatalf("%+v", g)
	}
	header, rows := Table(g)
	at := func(row int, part string) string { return rows[row][3+slices.Index(Names[:], part)] }
	for _, c := range []struct {
		row        int
		part, want string
	}{
		{0, "server", "70.0 % [70.0, 70.0]"}, {0, "wire to server", "10.0 % [10.0, 10.0]"}, {0, "scheduling", "1.0 % [1.0, 1.0]"},
		// 301 and 70 µs of 400.
		{1, "server", "17.5 % [17.5, 17.5]"}, {1, "scheduling", "75.2 % [75.2, 75.2]"},
	} {
		if got := at(c.row, c.part); got != c.want {
			t.Errorf("%s, %s: %s, want %s", rows[c.row][2], c.part, got, c.want)
		}
	}
	if len(rows) != 2 || len(rows[0]) != len(header) {
		t.Errorf("%d rows of %d under %d", len(rows), len(rows[0]), len(header))
	}
	if a := Answer(g).String(); a != "nginx: of the time that the slowest 1 % take longer than the middle half, at 16 100 % in “scheduling”." {
		t.Error(a)
	}
}

func TestFigureHasItsTimes(t *testing.T) {
	s := set(t, 2001, 3)
	f := Figure(s, groups(t, s))
	for _, want := range []string{"nginx 16, middle half, 100µs ×÷1.0:", "nginx 16, slowest 1 %, 400µs ×÷1.0:", "scheduling 75.2 %"} {
		if !strings.Contains(f.Text, want) {
			t.Errorf("%q lacks %q", f.Text, want)
		}
	}
}

// TestCoverage: the tracer halves the rate, in pairs within blocks.
func TestCoverage(t *testing.T) {
	header, rows := Coverage(set(t, 201, 2), "100")
	want := []string{"nginx", "c16", "tracepoints", "2", "400", "2", "0", "0", "4", "0.50 [0.50, 0.50]"}
	if len(rows) != 1 || !slices.Equal(rows[0], want) || len(header) != len(want) {
		t.Errorf("%q, want %q", rows, want)
	}
	if _, rows = Coverage(set(t, 201, 1), "100"); rows[0][9] != "0.50, one pair" {
		t.Errorf("one block: %q", rows)
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	one := groups(t, set(t, 2001, 1))
	if _, rows := Table(one); rows[0][9] != "70.0 % (one run)" {
		t.Errorf("one run: %q", rows[0])
	}
	short := set(t, 50, 2)
	if a := Answer(groups(t, short)).String(); !strings.Contains(a, "requests enough") {
		t.Error(a)
	}
	if f := Figure(short, groups(t, short)); !strings.Contains(f.Text, "too few requests") {
		t.Error(f.Text)
	}
	if a := Answer(nil).String(); !strings.Contains(a, "no traced runs") {
		t.Error(a)
	}
	if f := Figure(short, nil); !strings.Contains(f.Text, "trace: true") {
		t.Error(f.Text)
	}
}

// TestOpenReadsWhatItIsTold: one dataset where one is named.
func TestOpenReadsWhatItIsTold(t *testing.T) {
	s := set(t, 50, 1)
	t.Setenv(runs.DatasetEnv, s.Dir)
	sets, err := Open()
	if err != nil || len(sets) != 1 || sets[0].Meta.Name != "made" {
		t.Errorf("%+v %v", sets, err)
	}
	t.Setenv(runs.DatasetEnv, s.Dir+"-absent")
	if _, err := Open(); err == nil {
		t.Error("an absent dataset is no error")
	}
}
