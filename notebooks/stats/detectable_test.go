// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Compared against scipy (values.py), and by drawing data with the difference:
// it is shown about as often as Power states.
func TestDetectable(t *testing.T) {
	near(t, "eight blocks", Detectable([]float64{.3, -.1, .2, .4, .05, .15, .3, -.2}), 1.27143017913061, 1e-9)
	if d := Detectable([]float64{1, 2, 3, 4, 5}); !math.IsInf(d, 1) {
		t.Errorf("five blocks could show %v", d)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	const draws, blocks, spread = 800, 10, .2
	noise := make([]float64, 1e5)
	for i := range noise {
		noise[i] = spread * rng.NormFloat64()
	}
	// The formula with the true spread: ten values of exactly that deviation.
	exactly := make([]float64, blocks)
	for i := range exactly {
		exactly[i] = spread * math.Sqrt(9./10) * float64(1-2*(i%2))
	}
	shift := math.Log(Detectable(exactly))
	shown := 0
	for range draws {
		x := make([]float64, blocks)
		for i := range x {
			x[i] = shift + noise[rng.IntN(len(noise))]
		}
		if SignedRank(x) <= Alpha {
			shown++
		}
	}
	if share := float64(shown) / draws; share < .7 || share > .9 {
		t.Errorf("shown in %.3f of the draws, want about %v", share, Power)
	}
}
