// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/HdrHistogram/hdrhistogram-go"

// A histogram counts times in ns from 1 ns to an hour, to three digits.
type histogram struct {
	hdr *hdrhistogram.Histogram
	sum float64 // of the times themselves, not of the buckets
	max int64
}

const longestTime = 3600e9 // ns; longer times count as this

func newHistogram() *histogram {
	h := &histogram{hdr: hdrhistogram.New(1, longestTime, 3)}
	h.hdr.Reset() // touches the memory, so that no page fault falls into the run
	return h
}

func (h *histogram) add(ns int64) {
	ns = max(ns, 0)
	h.sum += float64(ns)
	h.max = max(h.max, ns)
	_ = h.hdr.RecordValue(min(ns, longestTime)) // cannot be out of range
}

func (h *histogram) n() uint64 { return uint64(h.hdr.TotalCount()) }

func (h *histogram) quantile(q float64) int64 { return min(h.hdr.ValueAtQuantile(100*q), h.max) }

func (h *histogram) mean() float64 { return h.sum / float64(max(h.n(), 1)) }
