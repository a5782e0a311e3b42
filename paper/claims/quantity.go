// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"crossing/data/dataset"
	"crossing/notebooks/analysis/runs"
)

// quantities are those that claims are about, by their names in claims.yaml.
var quantities = map[string]runs.Quantity{
	"mean":                runs.Mean,
	"p90":                 runs.P90,
	"p99":                 runs.P99,
	"1/throughput":        func(r *dataset.Run) (float64, error) { v, err := runs.Rate(r); return 1 / v, err },
	"p90/mean":            runs.Over(runs.P90, runs.Mean),
	"p99/mean":            runs.Over(runs.P99, runs.Mean),
	"p90 apart from mean": apart,
}

// apart is how far the 90th percentile and the mean are apart, as a ratio of at
// least 1: with a tail that is long enough the percentile lies below the mean.
func apart(r *dataset.Run) (float64, error) {
	ratio, err := runs.Over(runs.P90, runs.Mean)(r)
	return max(ratio, 1/ratio), err
}
