// SPDX-License-Identifier: Apache-2.0

// Package datasettest makes datasets of known content for tests.
package datasettest

import (
	"path/filepath"
	"testing"

	"crossing/data/dataset"
)

// A Run is a run with its rows; nil rows are none.
type Run struct {
	dataset.Run
	Requests []dataset.Request
	Stages   []dataset.Stage
}

// Open makes a dataset of the runs, of name "made", in a folder that goes when
// the test ends, and opens it.
func Open(t testing.TB, runs []Run) *dataset.Dataset {
	t.Helper()
	return OpenAs(t, dataset.Meta{Name: "made", Version: "0.1.0", Date: "2026-01-01"}, runs)
}

// OpenAs is Open with a description of the test's own.
func OpenAs(t testing.TB, m dataset.Meta, runs []Run) *dataset.Dataset {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made")
	w, err := dataset.Create(dir, "test")
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
	d, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Answered is a request that was sent when it was due, at sentNs, and answered
// whole, in one segment, tookNs later.
func Answered(sentNs, tookNs int64) dataset.Request {
	return dataset.Request{IntendedNs: sentNs, SentNs: sentNs, FirstByteNs: sentNs + tookNs, LastByteNs: sentNs + tookNs, Status: 200}
}
