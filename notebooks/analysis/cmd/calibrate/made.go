// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"crossing/notebooks/stats"
)

// draw computes an interval on data drawn by rng, and returns the truth.
type draw func(rng *rand.Rand, seed uint64) (in stats.Interval, truth float64, err error)

func plan(seed uint64) stats.Resampling { return stats.Resampling{Draws: 400, Seed: seed, Level: .95} }

func mean(x []float64) float64 { return stat.Mean(x, nil) }

func median(x []float64) float64 {
	sorted := slices.Clone(x)
	slices.Sort(sorted)
	return stat.Quantile(.5, stat.Empirical, sorted, nil)
}

// latency is how latencies are distributed: how to draw one, in ms, and the share
// of them that are at most x.
type latency struct {
	draw func(*rand.Rand) float64
	cdf  func(x float64) float64
}

var (
	lognormal = latency{
		func(rng *rand.Rand) float64 { return math.Exp(rng.NormFloat64()) },
		distuv.LogNormal{Sigma: 1}.CDF,
	}
	pareto = latency{
		func(rng *rand.Rand) float64 { return math.Pow(1-rng.Float64(), -1/1.5) },
		distuv.Pareto{Xm: 1, Alpha: 1.5}.CDF,
	}
	mixed = mixture(lognormal, pareto, .05)
	// As a delayed acknowledgement makes it.
	twoModes = mixture(after(1), after(40), .05)
)

// after is a time and what comes on top, 1 ms in the mean.
func after(ms float64) latency {
	return latency{
		func(rng *rand.Rand) float64 { return ms + rng.ExpFloat64() },
		func(x float64) float64 { return distuv.Exponential{Rate: 1}.CDF(x - ms) },
	}
}

// mixture is b in a share of the cases, else a.
func mixture(a, b latency, share float64) latency {
	return latency{
		func(rng *rand.Rand) float64 {
			if rng.Float64() < share {
				return b.draw(rng)
			}
			return a.draw(rng)
		},
		func(x float64) float64 { return (1-share)*a.cdf(x) + share*b.cdf(x) },
	}
}

// quantile is the latency that a share q does not exceed, by halving.
func (l latency) quantile(q float64) float64 {
	lo, hi := 0., 1e9
	for range 100 {
		if mid := (lo + hi) / 2; l.cdf(mid) < q {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

func orderStatistics(q float64, of latency) draw {
	const unit = 1e6
	truth := unit * of.quantile(q)
	return func(rng *rand.Rand, _ uint64) (stats.Interval, float64, error) {
		x := make([]int64, 2000)
		for i := range x {
			x[i] = int64(unit * of.draw(rng))
		}
		e := stats.Quantiles(x, []float64{q}, .95)[0]
		return stats.Interval{Estimate: float64(e.Value), Lo: float64(e.Lo), Hi: float64(e.Hi)}, truth, e.Err
	}
}

// ofRuns is the quantile of a run, over runs of 3000 latencies; runs' levels and
// the latencies within one are log-normal.
func ofRuns(runs int, q float64) draw {
	const between, within, unit = .2, .5, 1e6
	truth := unit * distuv.LogNormal{Sigma: within}.Quantile(q)
	return func(rng *rand.Rand, seed uint64) (stats.Interval, float64, error) {
		quantiles := make([]float64, runs)
		for r := range quantiles {
			level := between * rng.NormFloat64()
			x := make([]int64, 3000)
			for i := range x {
				x[i] = int64(unit * math.Exp(level+within*rng.NormFloat64()))
			}
			quantiles[r] = float64(stats.Select(x, []int{stats.Rank(len(x), q)})[0])
		}
		in, err := stats.GeometricMean(quantiles, .95)
		return in, truth, err
	}
}

// overRuns gives a method runs of autocorrelated values, whose levels differ
// by the standard deviation spread; the mean and the median are 0.
func overRuns(runs, n int, spread, phi float64, of func(runs [][]float64, seed uint64) (stats.Interval, error)) draw {
	return func(rng *rand.Rand, seed uint64) (stats.Interval, float64, error) {
		all := make([][]float64, runs)
		for i := range all {
			level := spread * rng.NormFloat64()
			all[i] = autoregressive(rng, n, phi)
			for j := range all[i] {
				all[i][j] += level
			}
		}
		in, err := of(all, seed)
		return in, 0, err
	}
}

func hierarchical(statistic func([]float64) float64) func(runs [][]float64, seed uint64) (stats.Interval, error) {
	return func(runs [][]float64, seed uint64) (stats.Interval, error) {
		return stats.HierarchicalBootstrap(runs, plan(seed), statistic)
	}
}

func blocks(n int, phi float64, statistic func([]float64) float64) draw {
	return func(rng *rand.Rand, seed uint64) (stats.Interval, float64, error) {
		in, err := stats.BlockBootstrap(autoregressive(rng, n, phi), plan(seed), statistic)
		return in, 0, err
	}
}

func autoregressive(rng *rand.Rand, n int, phi float64) []float64 {
	x := make([]float64, n)
	last := rng.NormFloat64() / math.Sqrt(1-phi*phi)
	for i := range x {
		last = phi*last + rng.NormFloat64()
		x[i] = last
	}
	return x
}

// The curves of the knee's methods: one bends at once, one slowly.
var (
	loads = []float64{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64}
	law   = stats.USL{Lambda: 1000, Sigma: .15, Kappa: .002}
)

func tenAtOnce(n float64) float64 { return 1000 * min(n, 10) }

// knees gives a method the rates of eight blocks that differ by 10 %, and by 3 %
// from load to load within a block. The truth is what the method finds in the
// curve without noise: the bend, where there is one.
func knees(method int, rate func(n float64) float64) draw {
	m, curve := stats.KneeMethods[method], stats.ThroughputCurve{N: loads}
	for _, n := range loads {
		curve.X = append(curve.X, rate(n))
	}
	truth, none := m.Find(curve)
	return func(rng *rand.Rand, seed uint64) (stats.Interval, float64, error) {
		rates := make([][]float64, len(loads))
		for range 8 {
			block := math.Exp(.1 * rng.NormFloat64())
			for i := range loads {
				rates[i] = append(rates[i], curve.X[i]*block*math.Exp(.03*rng.NormFloat64()))
			}
		}
		k := m.Bootstrap(loads, rates, plan(seed))
		return stats.Interval{Estimate: k.Estimate, Lo: k.Lo, Hi: k.Hi}, truth, errors.Join(none, k.Err)
	}
}
