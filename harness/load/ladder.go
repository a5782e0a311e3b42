// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"
	"math"
)

// A Step is one run of a ladder.
type Step struct {
	Share   float64 `json:"share"`         // of the capacity
	Rate    float64 `json:"offered_per_s"` // requests per second
	Result  *Result `json:"-"`
	Summary Summary `json:"summary"`
}

// Shares are the usual steps of a ladder.
var Shares = []float64{.1, .2, .3, .4, .5, .6, .7, .8, .85, .9, .95}

// trials is how often the search for the capacity halves its interval: the
// result is exact to about 1.5 %.
const trials = 5

// Capacity finds the highest rate that the target answers on c's connections: the
// rate of a closed loop, which no open loop exceeds, and below it the highest
// Poisson rate at which the schedule is kept (adherence of 99.9 %), by
// bisection. Each trial lasts as long as c says. seen, if set, is told of each.
func Capacity(ctx context.Context, c Config, seen func(Step)) (float64, error) {
	c.Schedule = nil
	r, err := Run(ctx, c)
	if err != nil {
		return 0, err
	}
	top := r.Summary().Rate
	if top <= 0 {
		return 0, fmt.Errorf("load: %v answers nothing: it has no capacity", c.Target)
	}
	keeps := func(rate float64) (bool, error) {
		c.Schedule = Poisson{rate}
		r, err := Run(ctx, c)
		if err != nil {
			return false, err
		}
		s := r.Summary()
		if seen != nil {
			seen(Step{rate / top, rate, r, s})
		}
		return s.Adherence >= goodAdherence && s.OK == s.Requests, ctx.Err()
	}
	low, high := top/2, top
	for range trials {
		middle := math.Sqrt(low * high)
		ok, err := keeps(middle)
		if err != nil {
			return 0, err
		}
		if ok {
			low = middle
		} else {
			high = middle
		}
	}
	return low, nil
}

// Ladder measures an open loop at shares of a capacity, from the lowest on. seen,
// if set, is told of each step as it is made.
func Ladder(ctx context.Context, c Config, capacity float64, shares []float64, seen func(Step)) (steps []Step, err error) {
	for _, share := range shares {
		c.Schedule = Poisson{share * capacity}
		r, err := Run(ctx, c)
		if err != nil || ctx.Err() != nil {
			return steps, err
		}
		c.Seed++
		steps = append(steps, Step{share, share * capacity, r, r.Summary()})
		if seen != nil {
			seen(steps[len(steps)-1])
		}
	}
	return steps, nil
}
