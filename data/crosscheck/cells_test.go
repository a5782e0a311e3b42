// SPDX-License-Identifier: Apache-2.0

package crosscheck

import (
	"errors"
	"fmt"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/notebooks/stats"
)

// A cell is a tier at a load on a file, over all its usable runs, with the
// quantiles of all their requests together.
type cell struct {
	Tier, Boundary, Load, File string
	Runs                       int
	Estimates                  []stats.QuantileEstimate
}

// quantiles computes the quantiles qs, with intervals of level, of every cell of a
// dataset, in the order in which the cells first occur. Traced runs are left
// out. Memory is that of the largest cell's latencies, 8 bytes each, whatever
// the dataset's size.
//
// The intervals assume independent requests: they say how well the sample's
// size fixes the quantile, and not how it varies from run to run.
func quantiles(d *dataset.Dataset, kind dataset.Latency, qs []float64, level float64) ([]cell, error) {
	type key struct{ tier, load, file string }
	var keys []key
	runs := map[key][]*dataset.Run{}
	recorded := d.Runs()
	for i := range recorded {
		r := &recorded[i]
		if r.Outcome != dataset.OK || r.Traced {
			continue
		}
		k := key{r.Tier, r.Load, r.File}
		if runs[k] == nil {
			keys = append(keys, k)
		}
		runs[k] = append(runs[k], r)
	}
	var buf []int64
	var all []cell
	for _, k := range keys {
		buf = buf[:0]
		for _, r := range runs[k] {
			var err error
			if buf, err = d.Latencies(r, kind, buf); err != nil {
				return nil, err
			}
		}
		all = append(all, cell{k.tier, runs[k][0].Boundary, k.load, k.file, len(runs[k]), stats.Quantiles(buf, qs, level)})
	}
	return all, nil
}

func TestCells(t *testing.T) {
	var all []datasettest.Run
	for block := range int64(2) {
		requests := make([]dataset.Request, 500)
		for i := range requests {
			requests[i] = dataset.Request{SentNs: int64(i) * 1000, IntendedNs: int64(i) * 1000, FirstByteNs: int64(i)*1000 + 10, LastByteNs: int64(i)*1000 + 1 + int64(i)*2 + block + 10, Status: 200}
		}
		r := dataset.Run{Run: fmt.Sprint(block), Block: int32(block), Tier: "t", Load: "c1", File: "100", Outcome: dataset.OK}
		all = append(all, datasettest.Run{Run: r, Requests: requests})
	}
	got, err := quantiles(datasettest.Open(t, all), dataset.Service, []float64{.5, .9999}, .95)
	if err != nil {
		t.Fatal(err)
	}
	// Both runs together have the latencies 11 … 1010.
	if len(got) != 1 || got[0].Runs != 2 || got[0].Estimates[0].Value != 510 || got[0].Estimates[0].Lo != 479 || got[0].Estimates[0].Hi != 542 {
		t.Errorf("%+v", got)
	}
	if !errors.Is(got[0].Estimates[1].Err, stats.ErrNoBound) {
		t.Errorf("a quantile beyond the sample: %v", got[0].Estimates[1])
	}
}
