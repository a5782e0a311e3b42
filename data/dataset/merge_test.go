// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
)

// writePart writes a dataset of one client host: connections each with one request
// per ms, latencies from the given ones in turn.
func writePart(t *testing.T, name string, start int64, connections int, latencies []int64) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	w, err := Create(dir, map[string]string{"host": name})
	if err != nil {
		t.Fatal(err)
	}
	const n, warm = 1000, 100
	var rows []Request
	for c := range connections {
		for i := range n {
			at := int64(i) * 1e6
			l := latencies[i%len(latencies)]
			rows = append(rows, Request{
				IntendedNs: at, SentNs: at, FirstByteNs: at + l, LastByteNs: at + l, Offset: int64(i) * 60,
				Bytes: 100, Status: 200, Conn: int32(c), Port: 40000, WarmUp: i < warm,
			})
		}
	}
	rows[500].Failure = Status
	rows[n-1].Conn = int32(connections) // a reconnect
	run := Run{
		Run: "000", Attempt: 1, Tier: "t", Server: "t", File: "100", Load: fmt.Sprintf("c%d", connections), Loop: "closed", Outcome: OK,
		Connections: int32(connections), Opened: int32(connections), Reconnects: 1, Workers: 1, ClientCPU: 5,
		StartUnixNs: start, WarmUpNs: warm * 1e6, ElapsedNs: (n - warm) * 1e6, DurationNs: (n - warm) * 1e6,
	}
	run.figures(rows)
	if err := w.Add(run, rows, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(Meta{Name: name, Version: "0.0.0", Title: "t", Date: "2024-01-01"}, map[string]string{"host": name}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestMergeJoinsRows joins a fast and a slow host. Averaging their p90 would give
// 3.1 ms; that of the users of both is the slow host's.
func TestMergeJoinsRows(t *testing.T) {
	const start = 1_700_000_000_000_000_000
	a := writePart(t, "a", start, 2, []int64{200e3})
	b := writePart(t, "b", start+3e6, 2, []int64{100e3, 6e6})
	dir := filepath.Join(t.TempDir(), "whole")
	if err := Merge(dir, []string{a, b}); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dir); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := d.Runs()[0]
	if r.Connections != 4 || r.Load != "c4" || r.Opened != 4 || r.Reconnects != 2 || r.Workers != 2 || r.ClientCPU != 10 || r.StartUnixNs != start {
		t.Errorf("%+v", r)
	}
	rows, err := d.Requests(&r)
	if err != nil {
		t.Fatal(err)
	}
	// b began 3 ms late: of the whole, the first 103 ms are warm-up, and what b sent
	// in its last 3 ms is left out.
	if r.WarmUpNs != 103e6 || r.ElapsedNs != 897e6 || len(rows) != 4*1000-2*3 {
		t.Errorf("warm-up %d, elapsed %d, %d rows", r.WarmUpNs, r.ElapsedNs, len(rows))
	}
	if r.Requests+r.Failures != 4*897 || r.Failures != 2 {
		t.Errorf("%d requests, %d failures", r.Requests, r.Failures)
	}
	if r.P50Ns != 200e3 || r.P90Ns != 6e6 || r.P99Ns != 6e6 {
		t.Errorf("p50 %d, p90 %d, p99 %d", r.P50Ns, r.P90Ns, r.P99Ns)
	}
	if want := (897*2*200e3 + 449*2*6e6 + 448*2*100e3) / (4 * 897.); r.MeanNs < .99*want || r.MeanNs > 1.01*want {
		t.Errorf("mean %g, want %g", r.MeanNs, want)
	}
	var conns []int32
	for i := range rows {
		conns = append(conns, rows[i].Conn)
	}
	slices.Sort(conns)
	if got := slices.Compact(conns); !slices.Equal(got, []int32{0, 1, 2, 3, 4, 5}) && !slices.Equal(got, []int32{0, 1, 2, 3, 4}) {
		t.Errorf("connections %v", got)
	}
}

func TestMergeRefuses(t *testing.T) {
	const start = 1_700_000_000_000_000_000
	a := writePart(t, "a", start, 2, []int64{200e3})
	late := writePart(t, "late", start+100e6, 2, []int64{200e3})
	other := writePart(t, "other", start, 3, []int64{200e3})
	for name, parts := range map[string][]string{"one": {a}, "late": {a, late}, "another load": {a, other}} {
		if err := Merge(filepath.Join(t.TempDir(), "whole"), parts); !errors.Is(err, ErrParts) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Merge(filepath.Join(t.TempDir(), "whole"), []string{a, filepath.Join(a, "nothing")}); err == nil {
		t.Error("a part that is not there: no error")
	}
}
