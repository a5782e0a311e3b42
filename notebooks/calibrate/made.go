package main

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"

	"crossing/notebooks/bootstrap"
	"crossing/notebooks/interval"
	"crossing/notebooks/quantile"
)

// draw computes an interval on data drawn by rng, and tells the truth.
type draw func(rng *rand.Rand, seed uint64) (in interval.Interval, truth float64, err error)

func plan(seed uint64) bootstrap.Plan { return bootstrap.Plan{Draws: 400, Seed: seed, Level: .95} }

func mean(x []float64) float64 { return stat.Mean(x, nil) }

func median(x []float64) float64 {
	sorted := slices.Sorted(slices.Values(x))
	return stat.Quantile(.5, stat.Empirical, sorted, nil)
}

// twoModes is a latency in ms: 1 and more, and in a share of the cases about 40,
// as a delayed acknowledgement makes it.
func twoModes(slow float64) func(*rand.Rand) float64 {
	return func(rng *rand.Rand) float64 {
		if rng.Float64() < slow {
			return 40 + rng.ExpFloat64()
		}
		return 1 + rng.ExpFloat64()
	}
}

func orderStatistics(q float64, draw func(*rand.Rand) float64, truth float64) draw {
	const unit = 1e6
	return func(rng *rand.Rand, _ uint64) (interval.Interval, float64, error) {
		x := make([]int64, 2000)
		for i := range x {
			x[i] = int64(unit * draw(rng))
		}
		e := quantile.Of(x, []float64{q}, .95)[0]
		return interval.Interval{Estimate: float64(e.Value), Lo: float64(e.Lo), Hi: float64(e.Hi)}, unit * truth, e.Err
	}
}

// overRuns gives a method runs of autocorrelated values, whose levels differ
// by the standard deviation spread; the mean and the median are 0.
func overRuns(runs, n int, spread, phi float64, of func(runs [][]float64, seed uint64) (interval.Interval, error)) draw {
	return func(rng *rand.Rand, seed uint64) (interval.Interval, float64, error) {
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

func hierarchical(statistic func([]float64) float64) func(runs [][]float64, seed uint64) (interval.Interval, error) {
	return func(runs [][]float64, seed uint64) (interval.Interval, error) {
		return bootstrap.Hierarchical(runs, plan(seed), statistic)
	}
}

func blocks(n int, phi float64, statistic func([]float64) float64) draw {
	return func(rng *rand.Rand, seed uint64) (interval.Interval, float64, error) {
		in, err := bootstrap.Blocks(autoregressive(rng, n, phi), plan(seed), statistic)
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

// rates are those of ten blocks that differ by 10 %, and by 3 % from load to
// load within a block.
func rates(rng *rand.Rand, loads []float64, at func(n float64) float64) [][]float64 {
	all := make([][]float64, len(loads))
	for range 10 {
		block := math.Exp(.1 * rng.NormFloat64())
		for i, n := range loads {
			all[i] = append(all[i], at(n)*block*math.Exp(.03*rng.NormFloat64()))
		}
	}
	return all
}
