// SPDX-License-Identifier: Apache-2.0

package crosscheck

import (
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"crossing/data/dataset"
)

// rowsEnv says how many rows BenchmarkQuantiles reads; 20 million by default.
const rowsEnv = "CROSSING_BENCH_ROWS"

// BenchmarkQuantiles computes the quantiles of every cell of a large dataset,
// with their intervals, on one core, and lets DuckDB compute the bare quantiles
// from the same Parquet files on one core. It reports the ratio of the times.
func BenchmarkQuantiles(b *testing.B) {
	rows := 20_000_000
	if s := os.Getenv(rowsEnv); s != "" {
		var err error
		if rows, err = strconv.Atoi(s); err != nil {
			b.Fatalf("%s: %v", rowsEnv, err)
		}
	}
	const loads = 20
	dir := filepath.Join(b.TempDir(), "v0.1.0")
	w, err := dataset.Create(dir, "bench")
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	requests := make([]dataset.Request, rows/loads)
	for cell := range loads {
		for i := range requests {
			at, took := int64(i)*10_000, int64(1e5*math.Exp(.5*rng.NormFloat64()))
			requests[i] = dataset.Request{IntendedNs: at, SentNs: at, FirstByteNs: at + took, LastByteNs: at + took + 500, Status: 200, Bytes: 100}
		}
		if err := w.Add(dataset.Run{Run: fmt.Sprint(cell), Tier: "t", Load: fmt.Sprint("c", cell), File: "100", Outcome: dataset.OK}, requests, nil); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Finish(dataset.Meta{Name: "x", Version: "0.1.0", Date: "2026-01-01"}, nil); err != nil {
		b.Fatal(err)
	}
	d, err := dataset.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("SET threads = 1"); err != nil {
		b.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	query := fmt.Sprintf("SELECT load, quantile_disc(lateness_ns + ttfb_ns + transfer_ns, [0.5, 0.9, 0.99, 0.999]) FROM read_parquet('%s/requests/*/*/*/*.parquet', hive_partitioning = true) WHERE failure = 'none' AND NOT warmup GROUP BY load", dir)
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		got, err := quantiles(d, dataset.Response, []float64{.5, .9, .99, .999}, .95)
		if err != nil || len(got) != loads {
			b.Fatal(len(got), err)
		}
		middle := time.Now()
		answer, err := db.Query(query)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for answer.Next() {
			n++
		}
		answer.Close()
		if err := answer.Err(); err != nil || n != loads {
			b.Fatal(n, err)
		}
		ours, theirs = ours+middle.Sub(start), theirs+time.Since(middle)
	}
	b.ReportMetric(ours.Seconds()/float64(b.N), "s/ours")
	b.ReportMetric(theirs.Seconds()/float64(b.N), "s/DuckDB")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "DuckDB/ours")
}
