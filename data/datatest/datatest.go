// Package datatest makes datasets of known content for tests.
package datatest

import (
	"path/filepath"
	"testing"

	"crossing/data"
)

// A Run is a run with its rows; nil rows are none.
type Run struct {
	data.Run
	Requests []data.Request
	Stages   []data.Stage
}

// Open makes a dataset of the runs, of name "made", in a folder that goes when
// the test ends, and opens it.
func Open(t testing.TB, runs []Run) *data.Dataset {
	t.Helper()
	return OpenAs(t, data.Meta{Name: "made", Version: "0.1.0", Date: "2026-01-01"}, runs)
}

// OpenAs is Open with a description of the test's own.
func OpenAs(t testing.TB, m data.Meta, runs []Run) *data.Dataset {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made")
	w, err := data.Create(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if err := w.Add(r.Run, r.Requests, r.Stages); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(m, nil); err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Answered is a request that was sent when it was due, at sentNs, and answered
// whole, in one segment, tookNs later.
func Answered(sentNs, tookNs int64) data.Request {
	return data.Request{IntendedNs: sentNs, SentNs: sentNs, FirstByteNs: sentNs + tookNs, LastByteNs: sentNs + tookNs, Status: 200}
}
