// SPDX-License-Identifier: Apache-2.0

package load

import (
	"encoding/json"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Histogram counts times from 1 ns to an hour in buckets of three significant
// digits (HdrHistogram). The zero value is empty and allocates at the first Add;
// NewHistogram allocates at once, for use where nothing may be allocated later.
type Histogram struct{ h *hdrhistogram.Histogram }

const (
	longestTime       = 3600e9 // ns; longer times count as this
	significantDigits = 3
)

// NewHistogram returns an empty histogram whose memory is allocated and touched,
// so that no page fault falls into a measurement.
func NewHistogram() Histogram {
	h := hdrhistogram.New(1, longestTime, significantDigits)
	h.Reset()
	return Histogram{h}
}

// Add counts one time in ns. A negative time counts as 0.
func (h *Histogram) Add(ns int64) {
	if h.h == nil {
		*h = NewHistogram()
	}
	_ = h.h.RecordValue(min(max(ns, 0), longestTime)) // cannot be out of range
}

// Merge adds the counts of g.
func (h *Histogram) Merge(g *Histogram) {
	switch {
	case g.h == nil:
	case h.h == nil:
		h.h = g.h.Clone()
	default:
		h.h.Merge(g.h)
	}
}

// Total is the number of times counted.
func (h *Histogram) Total() int64 {
	if h.h == nil {
		return 0
	}
	return h.h.TotalCount()
}

// Max is the longest time in ns to three digits, rounded up; 0 if there is none.
func (h *Histogram) Max() int64 {
	if h.Total() == 0 {
		return 0
	}
	return h.h.Max()
}

// Quantile is the q-quantile in ns to three digits, rounded up; 0 if there is
// none.
func (h *Histogram) Quantile(q float64) int64 {
	if h.Total() == 0 {
		return 0
	}
	return h.h.ValueAtQuantile(100 * q)
}

// HDR is the histogram for the functions of package hdrhistogram, such as
// PercentilesPrint.
func (h *Histogram) HDR() *hdrhistogram.Histogram {
	if h.h == nil {
		*h = NewHistogram()
	}
	return h.h
}

// MarshalJSON writes HdrHistogram's own compressed encoding, V2.
func (h Histogram) MarshalJSON() ([]byte, error) {
	if h.h == nil {
		return []byte("null"), nil
	}
	b, err := h.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, err
	}
	return json.Marshal(string(b))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (h *Histogram) UnmarshalJSON(b []byte) error {
	var text *string
	if err := json.Unmarshal(b, &text); err != nil || text == nil {
		h.h = nil
		return err
	}
	got, err := hdrhistogram.Decode([]byte(*text))
	if err != nil {
		return err
	}
	// Decoded histograms have the sender's range; ours all have the same.
	h.h = NewHistogram().h
	h.h.Merge(got)
	return nil
}
