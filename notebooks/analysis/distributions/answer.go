// SPDX-License-Identifier: Apache-2.0

package distributions

import "fmt"

// A Weight is how heavy a tier's tail is.
type Weight struct {
	Tier  string
	Ratio float64 // p99 over median
}

// Weights are the tiers with the heaviest and the lightest tail; zero where no
// tier has a p99.
type Weights struct{ Heaviest, Lightest Weight }

// Answer finds the tiers with the heaviest and the lightest tail.
func Answer(curves []Curve) (w Weights) {
	for _, c := range curves {
		var p50, p99 float64
		for _, p := range c.Points {
			switch p.Tail {
			case .5:
				p50 = p.Value
			case .01:
				p99 = p.Value
			}
		}
		if p50 == 0 || p99 == 0 {
			continue
		}
		this := Weight{c.Tier.Name, p99 / p50}
		if this.Ratio > w.Heaviest.Ratio {
			w.Heaviest = this
		}
		if w.Lightest.Ratio == 0 || this.Ratio < w.Lightest.Ratio {
			w.Lightest = this
		}
	}
	return w
}

// String is the answer as a sentence.
func (w Weights) String() string {
	if w.Heaviest.Ratio == 0 {
		return "No tier has enough requests for a p99."
	}
	return fmt.Sprintf("The heaviest tail is %s's, whose p99 is %.3g times its median; the lightest is %s's, %.3g times.",
		w.Heaviest.Tier, w.Heaviest.Ratio, w.Lightest.Tier, w.Lightest.Ratio)
}
