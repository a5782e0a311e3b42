// SPDX-License-Identifier: Apache-2.0

package load

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestHistogram(t *testing.T) {
	var h Histogram
	for v := range int64(1000) {
		h.Add(v)
	}
	h.Add(-5)
	h.Add(math.MaxInt64)
	if h.Total() != 1002 || h.Max() < longestTime || h.Quantile(1) != h.Max() {
		t.Errorf("%d counted, max %d, last %d", h.Total(), h.Max(), h.Quantile(1))
	}
	if q := h.Quantile(.5); q < 499 || q > 501 {
		t.Errorf("median of 0 to 999: %d", q)
	}
	var empty Histogram
	if empty.Quantile(.5) != 0 || empty.Max() != 0 || empty.Total() != 0 {
		t.Error("quantile of nothing")
	}
}

// TestHistogramQuantiles: within one part in a thousand of the exact ones, merged
// and sent from one process to another.
func TestHistogramQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []int64
	var parts [3]Histogram
	for i := range 30000 {
		v := int64(1000 * math.Exp(3*rng.NormFloat64()))
		all = append(all, v)
		parts[i%3].Add(v)
	}
	slices.Sort(all)
	var whole Histogram
	for i := range parts {
		b, err := json.Marshal(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		var got Histogram
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		whole.Merge(&got)
	}
	if whole.Total() != int64(len(all)) {
		t.Fatalf("%d of %d", whole.Total(), len(all))
	}
	for _, q := range []float64{.01, .5, .9, .99, .999, 1} {
		exact := Quantile(all, q)
		if got := whole.Quantile(q); math.Abs(float64(got-exact)) > .001*float64(exact)+1 {
			t.Errorf("q %v: %d, exactly %d", q, got, exact)
		}
	}
}

func TestHistogramJSON(t *testing.T) {
	var h Histogram
	b, err := json.Marshal(h)
	if err != nil || string(b) != "null" || json.Unmarshal(b, &h) != nil || h.Total() != 0 {
		t.Errorf("an empty one: %s, %v", b, err)
	}
	for _, bad := range []string{`"x"`, `7`, `""`} {
		if err := json.Unmarshal([]byte(bad), &h); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
