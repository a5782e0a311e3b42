// SPDX-License-Identifier: Apache-2.0

package validity

import (
	"slices"

	"crossing/data/dataset"
)

// windowMeans are the mean response times in ns of the windows of a run after its
// warm-up, by when their requests ended. A window without any is left out.
func windowMeans(requests []dataset.Request, width int64) []float64 {
	sum, n := map[int64]float64{}, map[int64]int{}
	for i := range requests {
		if q := &requests[i]; q.OK() && !q.WarmUp {
			w := q.LastByteNs / width
			sum[w] += float64(q.ResponseNs())
			n[w]++
		}
	}
	var at []int64
	for w := range n {
		at = append(at, w)
	}
	slices.Sort(at)
	// The first and the last are cut off by the warm-up and the end.
	if len(at) > 2 {
		at = at[1 : len(at)-1]
	}
	means := make([]float64, len(at))
	for i, w := range at {
		means[i] = sum[w] / float64(n[w])
	}
	return means
}
