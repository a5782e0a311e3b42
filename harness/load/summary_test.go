// SPDX-License-Identifier: Apache-2.0

package load

import (
	"math"
	"slices"
	"testing"
	"time"

	"crossing/data/dataset"
)

// TestEarlier: a server stands still from within the warm-up on. The measured
// part is from 10 to 110 ms; what share of it the two first requests waited
// follows by arithmetic.
func TestEarlier(t *testing.T) {
	for _, c := range []struct {
		until int64 // ms: the end of the stall
		share float64
		mark  bool
	}{
		{9, 0, false},
		{40, .3, false},
		{60, .5, false},
		{70, .6, true},
		{109, .99, true},
	} {
		r := &Result{Connections: 2, Opened: 2, WarmUp: 10 * time.Millisecond, Elapsed: 100 * time.Millisecond}
		for conn := range int32(2) {
			at, end := int64(1e6), c.until*1e6
			for at < 110e6 {
				r.Requests = append(r.Requests, dataset.Request{Conn: conn, IntendedNs: at, SentNs: at, FirstByteNs: end, LastByteNs: end, Status: 200, WarmUp: at < 10e6})
				at, end = end, end+1e6
			}
		}
		s := r.Summary()
		if math.Abs(s.Earlier-c.share) > 1e-9 || slices.Contains(s.Marks, "earlier") != c.mark {
			t.Errorf("until %d ms: %v %v, want %v %v", c.until, s.Earlier, s.Marks, c.share, c.mark)
		}
	}
}
