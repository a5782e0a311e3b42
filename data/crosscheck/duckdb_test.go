// SPDX-License-Identifier: Apache-2.0

// Package crosscheck reads datasets with DuckDB and compares what it sees with
// what package data sees. It is a module of its own because DuckDB is large.
package crosscheck

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"crossing/data/dataset"
)

// made makes a dataset with several tiers, loads and blocks.
func made(t *testing.T) *dataset.Dataset {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "v0.1.0")
	w, err := dataset.Create(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for block := range int32(2) {
		for _, tier := range []string{"nginx", "dpdk"} {
			for _, load := range []string{"c1", "c64"} {
				requests := make([]dataset.Request, 20_000)
				n := int64(0)
				for i := range requests {
					q := &requests[i]
					q.Conn, q.Port, q.Offset = int32(i%7), uint16(40000+i%7), int64(i)*61
					q.IntendedNs = int64(i) * 10_000
					q.SentNs = q.IntendedNs + rng.Int64N(100)
					q.FirstByteNs = q.SentNs + 1 + rng.Int64N(1<<rng.IntN(24))
					q.LastByteNs = q.FirstByteNs + rng.Int64N(1000)
					q.Status, q.Bytes, q.WarmUp = 200, 100, i < 1000
					if rng.IntN(1000) == 0 {
						q.Failure, q.Status = dataset.Reset, 0
					}
					if q.OK() && !q.WarmUp {
						n++
					}
				}
				r := dataset.Run{Run: fmt.Sprint(block, tier, load), Block: block, Tier: tier, Load: load, File: "100", Outcome: dataset.OK, Requests: n, MeanNs: rng.Float64()}
				if err := w.Add(r, requests, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := w.Finish(dataset.Meta{Name: "x", Version: "0.1.0", Date: "2026-01-01"}, nil); err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TestEveryRequest compares every column of every row.
func TestEveryRequest(t *testing.T) {
	d, db := made(t), open(t)
	for i := range d.Runs() {
		r := &d.Runs()[i]
		want, err := d.Requests(r)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := db.Query(`SELECT conn, port, "offset", intended_ns, intended_ns + lateness_ns, intended_ns + lateness_ns + ttfb_ns,
			intended_ns + lateness_ns + ttfb_ns + transfer_ns, stamp_lag_ns, bytes, status, failure, warmup, tier, load, file
			FROM read_parquet(?, hive_partitioning = true, hive_types_autocast = false)`, filepath.Join(d.Dir, r.RequestsFile()))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; rows.Next(); n++ {
			var q dataset.Request
			var lag int64
			var failure, tier, load, file string
			if err := rows.Scan(&q.Conn, &q.Port, &q.Offset, &q.IntendedNs, &q.SentNs, &q.FirstByteNs, &q.LastByteNs, &lag, &q.Bytes, &q.Status, &failure, &q.WarmUp, &tier, &load, &file); err != nil {
				t.Fatal(err)
			}
			q.Failure = want[n].Failure
			if q != want[n] || failure != want[n].Failure.String() || lag != 0 || tier != r.Tier || load != r.Load || file != r.File {
				t.Fatalf("run %s, row %d: DuckDB sees %+v %s, package data %+v", r.Run, n, q, failure, want[n])
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if n != len(want) {
			t.Errorf("run %s: DuckDB sees %d rows, package data %d", r.Run, n, len(want))
		}
	}
}

// TestQuantiles compares quantiles over the whole folder, partitions and all.
func TestQuantiles(t *testing.T) {
	d, db := made(t), open(t)
	rows, err := db.Query(`SELECT tier, load, quantile_disc(lateness_ns + ttfb_ns + transfer_ns, 0.99), count(*)
		FROM read_parquet(?, hive_partitioning = true) WHERE NOT warmup AND failure = 'none' GROUP BY ALL`,
		filepath.Join(d.Dir, "requests", "**", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	cells := 0
	for ; rows.Next(); cells++ {
		var tier, load string
		var p99, count int64
		if err := rows.Scan(&tier, &load, &p99, &count); err != nil {
			t.Fatal(err)
		}
		var all []int64
		for i := range d.Runs() {
			if r := &d.Runs()[i]; r.Tier == tier && r.Load == load {
				if all, err = d.Latencies(r, dataset.Response, all); err != nil {
					t.Fatal(err)
				}
			}
		}
		slices.Sort(all)
		// quantile_disc takes the smallest value that the share does not exceed.
		if want := all[(len(all)*99+99)/100-1]; int64(len(all)) != count || want != p99 {
			t.Errorf("%s %s: DuckDB says %d of %d, package data %d of %d", tier, load, p99, count, want, len(all))
		}
	}
	if cells != 4 {
		t.Errorf("DuckDB sees %d cells, want 4", cells)
	}
}

// TestRuns compares the runs.
func TestRuns(t *testing.T) {
	d, db := made(t), open(t)
	var n int
	var sum float64
	if err := db.QueryRow(`SELECT count(*), sum(mean_ns) FROM read_parquet(?)`, filepath.Join(d.Dir, "runs.parquet")).Scan(&n, &sum); err != nil {
		t.Fatal(err)
	}
	want := 0.0
	for _, r := range d.Runs() {
		want += r.MeanNs
	}
	if n != len(d.Runs()) || sum < want-1e-9 || sum > want+1e-9 {
		t.Errorf("DuckDB sees %d runs with sum %v, package data %d with %v", n, sum, len(d.Runs()), want)
	}
}
