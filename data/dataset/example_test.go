// SPDX-License-Identifier: Apache-2.0

package dataset_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"crossing/data/dataset"
)

// A dataset of one run: two requests on one connection, the second of which was
// never answered.
func Example() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	w, err := dataset.Create(filepath.Join(dir, "v0.1.0"), "my design")
	if err != nil {
		panic(err)
	}
	ms := int64(time.Millisecond)
	rows := []dataset.Request{
		{FirstByteNs: 10 * ms, LastByteNs: 10 * ms, Status: 200},
		{IntendedNs: 10 * ms, SentNs: 10 * ms, FirstByteNs: 100 * ms, LastByteNs: 100 * ms, Failure: dataset.Timeout},
	}
	run := dataset.Run{Run: "b00-nginx-c1-100", Attempt: 1, Tier: "nginx", Load: "c1", File: "100", Loop: "closed", Connections: 1, ElapsedNs: 100 * ms, Requests: 1, Outcome: dataset.OK}
	if err := w.Add(run, rows, nil); err != nil {
		panic(err)
	}
	if err := w.Finish(dataset.Meta{Name: "mine", Version: "0.1.0", Title: "Mine", Date: "2026-01-31"}, nil); err != nil {
		panic(err)
	}

	d, err := dataset.Open(filepath.Join(dir, "v0.1.0"))
	if err != nil {
		panic(err)
	}
	r := &d.Runs()[0]
	rows, err = d.Requests(r)
	if err != nil {
		panic(err)
	}
	a := dataset.NewAccount(rows, r.Window())
	p99, bound, _ := a.Response.Quantile(.99)
	fmt.Println(d.Meta.ID(), "verified:", dataset.Verify(d.Dir) == nil)
	fmt.Printf("mean of the answered %v; by Little's law at least %v\n", time.Duration(a.RowMean), time.Duration(a.Mean))
	fmt.Printf("p99 %v, a lower bound: %v\n", time.Duration(p99), bound)
	// Output:
	// mine v0.1.0 verified: true
	// mean of the answered 10ms; by Little's law at least 100ms
	// p99 90ms, a lower bound: true
}
