// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"crossing/data/dataset"
	"crossing/notebooks/stats"
)

// late begins the error of a run that was rejected because the requests of its
// open loop were sent late.
const late = "adherence "

// Measured reports whether a run shows what users waited: a usable one, or one
// that was rejected for nothing but that the server fell behind its open loop.
func Measured(r *dataset.Run) bool {
	return r.Outcome == dataset.OK || r.Outcome == dataset.Rejected && strings.HasPrefix(r.Error, late)
}

// A Wait is a quantile of the response time. Where it lies among requests that
// got no response, it is a lower bound.
type Wait struct {
	Ns    int64
	Bound bool
}

// WaitP99 is the 99th percentile of the response time over all requests that
// were due in the measured interval, if they bound it.
func WaitP99(s *Set, r *dataset.Run) (Wait, error) {
	if r.Failures == 0 {
		v, err := P99(r)
		return Wait{Ns: int64(v)}, err
	}
	requests, err := s.Requests(r)
	if err != nil {
		return Wait{}, err
	}
	return waitQuantile(requests, r.WarmUpNs+r.ElapsedNs, .99)
}

// waitQuantile is a quantile of the response time. A request without a response
// was still waiting at the end; a connection that was closed under a request,
// which was sent again elsewhere, is not a request of its own.
func waitQuantile(requests []dataset.Request, end int64, q float64) (Wait, error) {
	var answered, waiting []int64
	for i := range requests {
		switch r := &requests[i]; {
		case r.WarmUp || r.Failure == dataset.Shed:
		case r.OK():
			answered = append(answered, r.ResponseNs())
		default:
			waiting = append(waiting, end-r.IntendedNs)
		}
	}
	n := len(answered) + len(waiting)
	if _, _, err := stats.QuantileBounds(n, q, stats.Level); err != nil {
		return Wait{}, fmt.Errorf("%d requests: %w", n, err)
	}
	slices.Sort(answered)
	slices.Sort(waiting)
	// The least value that the quantile can have: each request that waits gets
	// its response at once; the greatest: it never does.
	rank := stats.Rank(n, q)
	least := slices.Sorted(slices.Values(append(slices.Clone(answered), waiting...)))[rank-1]
	most := int64(math.MaxInt64)
	if rank <= len(answered) {
		most = answered[rank-1]
	}
	return Wait{Ns: least, Bound: most != least}, nil
}
