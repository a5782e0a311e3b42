// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Compared against numpy, with Student's t over every assignment of signs
// (values.py).
func TestMaxTAgainstNumpy(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name     string
		values   [][]float64
		adjusted []float64
	}{
		{name: "three comparisons, seven blocks", values: [][]float64{{.9, 1, 1.2, .8, 1.1, .95, 1.05}, {1.1, .7, .9, -.2, 1.3, .4, 1.2}, {.2, -.1, .3, -.4, .5, .1, -.2}}, adjusted: []float64{.015625, .046875, .71875}},
		{name: "six blocks", values: [][]float64{{1, 2, 1, 3, 2, 1.5}, {2, 1, -1, 2, 1, .5}, {-1, -2, -1.5, -2.5, -.5, -1}}, adjusted: []float64{.03125, .15625, .0625}},
		{name: "all blocks alike", values: [][]float64{{1, 1, 1, 1, 1, 1}, {0, 0, 0, 0, 0, 0}}, adjusted: []float64{.03125, 1}},
		{name: "a block that one comparison lacks", values: [][]float64{{1, 2, 1, 3, 2, nan}}, adjusted: []float64{.0625}},
		{name: "one block", values: [][]float64{{5}}, adjusted: []float64{1}},
	} {
		for i, p := range MaxT(c.values) {
			near(t, c.name, p, c.adjusted[i], 1e-12)
		}
	}
}

// TestMaxTReachesItsLeast: a family of a hundred clear comparisons in six blocks
// is rejected whole, where Holm's least p would be above 1.
func TestMaxTReachesItsLeast(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	values := make([][]float64, 100)
	for i := range values {
		for range 6 {
			values[i] = append(values[i], 1+.1*rng.NormFloat64())
		}
	}
	for _, p := range MaxT(values) {
		near(t, "p", p, LeastP(6), 1e-12)
	}
}

// TestMaxTKeepsItsLevel counts families with a false rejection where nothing
// differs, and those in which a false one joins a true one.
func TestMaxTKeepsItsLevel(t *testing.T) {
	const draws, comparisons, blocks = 600, 9, 8
	rng := rand.New(rand.NewPCG(3, 3))
	for _, shifted := range []int{0, 4} {
		wrong := 0
		for range draws {
			values := make([][]float64, comparisons)
			for range blocks {
				common := rng.NormFloat64()
				for i := range values {
					x := .7*common + rng.NormFloat64()/math.Sqrt(math.Abs(rng.NormFloat64())+.1) // heavy tails
					if i < shifted {
						x += 4
					}
					values[i] = append(values[i], x)
				}
			}
			adjusted := MaxT(values)
			for i := shifted; i < comparisons; i++ {
				if adjusted[i] <= Alpha {
					wrong++
					break
				}
			}
		}
		if share := float64(wrong) / draws; share > Alpha+.025 {
			t.Errorf("%d comparisons shifted: %.3f of the families have a false rejection", shifted, share)
		}
	}
}

func TestMaxTOfManyBlocks(t *testing.T) {
	clear, none := make([]float64, 30), make([]float64, 30)
	for b := range clear {
		clear[b], none[b] = 1+float64(b%3), float64(b%2)-.5
	}
	adjusted := MaxT([][]float64{clear, none})
	if adjusted[0] > .001 || adjusted[1] < .5 {
		t.Errorf("%v", adjusted)
	}
}
