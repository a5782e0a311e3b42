// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"maps"
	"slices"

	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// file is the one that the paper served, as near as the site has it.
const file = "100"

// A test judges a claim on a dataset: it sets verdict, loads and estimates of
// the finding.
type test struct {
	tiers    int  // least number that it takes
	loads    int  // least number that it takes
	quantity bool // it takes one
	run      func(*Claim, *runs.Set, *Finding)
}

var tests map[string]test

func init() {
	tests = map[string]test{
		"ordering":    {2, 1, true, ordering},
		"below":       {2, 1, true, ordering},
		"larger-step": {3, 1, true, largerStep},
		"equivalent":  {2, 1, true, equivalent},
		"same-order":  {2, 1, true, sameOrder},
		"reaches":     {1, 1, true, reaches},
		"knee":        {1, 4, false, atKnee},
	}
}

func testNames() []string { return slices.Sorted(maps.Keys(tests)) }

// byBlock are the values of a tier's quantity at a load, by block.
func byBlock(s *runs.Set, tier string, load int, quantity string) (map[int32]float64, error) {
	return runs.ByBlock(s.Closed(tier, file)[load], quantities[quantity])
}

// pair are the logarithms of tier a's quantity over tier b's at a load.
func pair(s *runs.Set, a, b string, load int, quantity string) (stats.Blocks, error) {
	x, err := byBlock(s, a, load, quantity)
	if err != nil {
		return nil, err
	}
	y, err := byBlock(s, b, load, quantity)
	if err != nil {
		return nil, err
	}
	return stats.LogRatios(x, y)
}
