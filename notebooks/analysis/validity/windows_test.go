// SPDX-License-Identifier: Apache-2.0

package validity

import (
	"testing"

	"crossing/data/dataset"
	"crossing/notebooks/stats"
)

func TestWindowMeans(t *testing.T) {
	var requests []dataset.Request
	for i := range int64(1000) {
		sent := i * 1e6
		requests = append(requests, dataset.Request{IntendedNs: sent, SentNs: sent, FirstByteNs: sent + 1000, LastByteNs: sent + 1000*(1+i/500), Status: 200, WarmUp: i < 150})
	}
	got := windowMeans(requests, stats.TrendWindow)
	if len(got) != 7 || got[0] != 1000 || got[6] != 2000 {
		t.Errorf("windows 2 … 8: %v", got)
	}
}
