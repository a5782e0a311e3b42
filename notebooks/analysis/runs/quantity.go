// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"fmt"

	"crossing/data/dataset"
	"crossing/notebooks/stats"
)

// A Quantity is a number that a run has; the error reports why it has none.
type Quantity func(*dataset.Run) (float64, error)

// Mean is the mean response time in ns by Little's law, in which no wait is left
// out. Without rows to compute it from it is the mean of the answered requests.
func Mean(r *dataset.Run) (float64, error) {
	if r.WaitNs > 0 {
		return r.WaitNs, nil
	}
	return r.MeanNs, nil
}

// Rate is the number of requests that ended in the measured interval, over its
// length, in 1/s.
func Rate(r *dataset.Run) (float64, error) { return r.Throughput, nil }

// P90 is the 90th percentile of the response time in ns, if the run's requests
// bound it.
func P90(r *dataset.Run) (float64, error) { return bounded(r, .9, r.P90Ns) }

// P99 is the 99th percentile of the response time in ns, if the run's requests
// bound it.
func P99(r *dataset.Run) (float64, error) { return bounded(r, .99, r.P99Ns) }

// bounded is a quantile of the run, unless an interval about it would lie partly
// beyond the run's requests: what is called the p99 of five requests is their
// maximum.
func bounded(r *dataset.Run, q float64, ns int64) (float64, error) {
	if _, _, err := stats.QuantileBounds(int(r.Requests), q, stats.Level); err != nil {
		return 0, fmt.Errorf("run %s: %w", r.Run, err)
	}
	return float64(ns), nil
}

// Over is the ratio of two quantities.
func Over(above, below Quantity) Quantity {
	return func(r *dataset.Run) (float64, error) {
		a, err := above(r)
		if err != nil {
			return 0, err
		}
		b, err := below(r)
		return a / b, err
	}
}

// Values are the quantity's for each run. A run that has none is an error: the
// others are no sample of all, since it is the slow runs that have few requests.
func Values(all []dataset.Run, of Quantity) ([]float64, error) {
	values := make([]float64, len(all))
	for i := range all {
		var err error
		if values[i], err = of(&all[i]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// ByBlock are the quantity's values by block.
func ByBlock(all []dataset.Run, of Quantity) (map[int32]float64, error) {
	values, err := Values(all, of)
	by := map[int32]float64{}
	for i, v := range values {
		by[all[i].Block] = v
	}
	return by, err
}
