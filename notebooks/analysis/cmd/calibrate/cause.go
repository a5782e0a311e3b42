// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"

	"crossing/notebooks/analysis/tail"
)

// ranksFirst plants the cause of slow requests in one stage, and reports whether
// that stage has most of the time that the slowest 1 % take longer. Another
// stage takes the longest in all of them.
func ranksFirst(rng *rand.Rand) (bool, error) {
	planted := rng.IntN(len(tail.Names))
	long := (planted + 1 + rng.IntN(len(tail.Names)-1)) % len(tail.Names)
	runs := make([]tail.Joined, 6)
	for r := range runs {
		for range 2000 {
			var p tail.Parts
			total := int64(0)
			for i := range p {
				p[i] = int64(10e3 * rng.ExpFloat64())
				if i == long {
					p[i] += 100e3
				}
				if i == planted && rng.Float64() < .01 {
					p[i] += int64(100e3 + 100e3*rng.ExpFloat64())
				}
				total += p[i]
			}
			runs[r].Parts, runs[r].Total = append(runs[r].Parts, p), append(runs[r].Total, total)
		}
	}
	shares, _, err := tail.Excess(runs)
	if err != nil {
		return false, err
	}
	first := 0
	for i := range shares {
		if shares[i] > shares[first] {
			first = i
		}
	}
	return first == planted, nil
}
