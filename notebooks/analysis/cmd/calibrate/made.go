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

// stalling is the mean of a run of which one in seven takes 8 times as long.
func stalling(rng *rand.Rand) float64 {
	if rng.IntN(7) == 0 {
		return 8 * math.Exp(.05*rng.NormFloat64()-.00125)
	}
	return math.Exp(.05*rng.NormFloat64() - .00125)
}

// pareto12 has the mean 6 and no variance.
func pareto12(rng *rand.Rand) float64 { return math.Pow(1-rng.Float64(), -1/1.2) }

// overMeans is the arithmetic mean of runs' values.
func overMeans(runs int, of func(*rand.Rand) float64, truth float64) draw {
	return func(rng *rand.Rand, _ uint64) (stats.Interval, float64, error) {
		x := make([]float64, runs)
		for i := range x {
			x[i] = of(rng)
		}
		in, err := stats.PositiveMean(x, .95)
		return in, truth, err
	}
}

// totals is a rate over runs of one and of two seconds.
func totals(runs int) draw {
	return func(rng *rand.Rand, _ uint64) (stats.Interval, float64, error) {
		requests, seconds := make([]float64, runs), make([]float64, runs)
		for i := range requests {
			seconds[i] = float64(1 + i%2)
			requests[i] = 1000 * seconds[i] * math.Exp(.2*rng.NormFloat64()-.02)
		}
		in, err := stats.RatioOfTotals(requests, seconds, .95)
		return in, 1000, err
	}
}

// ratioOf is a ratio within blocks, whose logarithm is drawn about that of 0.8.
func ratioOf(blocks int, log func(*rand.Rand) float64) draw {
	return func(rng *rand.Rand, _ uint64) (stats.Interval, float64, error) {
		b := stats.Blocks{}
		for i := range int32(blocks) {
			b[i] = math.Log(.8) + log(rng)
		}
		r, err := b.Ratio(.95)
		return r.Interval, .8, err
	}
}

// ratioOfExpectations takes the ratio within blocks for what it does not estimate:
// the ratio of the expectations, 2, which the stalls of one in seven runs make.
func ratioOfExpectations(blocks int) draw {
	return func(rng *rand.Rand, _ uint64) (stats.Interval, float64, error) {
		b := stats.Blocks{}
		for i := range int32(blocks) {
			b[i] = math.Log(stalling(rng)) + .05*rng.NormFloat64()
		}
		r, err := b.Ratio(.95)
		return r.Interval, 2, err
	}
}

// nine are the loads of the project's plans.
var nine = []float64{1, 2, 3, 4, 8, 10, 16, 32, 64}

// kneesAt gives N* the rates of eight blocks of a server that serves atOnce
// requests at a time, which need not be one of the loads.
func kneesAt(loads []float64, atOnce, noise float64) draw {
	return func(rng *rand.Rand, seed uint64) (stats.Interval, float64, error) {
		rates := make([][]float64, len(loads))
		for range 8 {
			for i, n := range loads {
				rates[i] = append(rates[i], 1000*min(n, atOnce)*math.Exp(noise*rng.NormFloat64()))
			}
		}
		k := stats.KneeMethods[0].Bootstrap(loads, rates, plan(seed))
		return stats.Interval{Estimate: k.Estimate, Lo: k.Lo, Hi: k.Hi}, atOnce, k.Err
	}
}

// Services of 10 µs in the mean.
func exponential(rng *rand.Rand) float64 { return 10e3 * rng.ExpFloat64() }
func heavier(rng *rand.Rand) float64     { return 10e3 * math.Exp(rng.NormFloat64()-.5) }

// idealQueue compares a perfect server, first come, first served, behind a wire,
// with the ideal queue: the true ratio of the p99 is 1.
func idealQueue(wire float64, service func(*rand.Rand) float64, connections int) draw {
	return func(rng *rand.Rand, _ uint64) (stats.Interval, float64, error) {
		var ratios []float64
		for range 8 {
			serve := func() float64 { return service(rng) }
			alone, err := stats.ClosedQueue(1, 1, 4000, wire, serve)
			if err != nil {
				return stats.Interval{}, 1, err
			}
			latencies := make([]int64, len(alone))
			for i, v := range alone {
				latencies[i] = int64(v)
			}
			loaded, err := stats.ClosedQueue(connections, 1, 20_000, wire, serve)
			if err != nil {
				return stats.Interval{}, 1, err
			}
			ideal, err := stats.IdealP99(latencies, 1e9/10e3, connections, rng)
			if err != nil {
				return stats.Interval{}, 1, err
			}
			loaded = loaded[10*connections:]
			slices.Sort(loaded)
			ratios = append(ratios, loaded[stats.Rank(len(loaded), .99)-1]/ideal)
		}
		in, err := stats.GeometricMean(ratios, .95)
		return in, 1, err
	}
}
