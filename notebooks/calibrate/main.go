// Command calibrate prints how often each interval method covers a truth that
// is known: the share of many synthetic datasets in which the interval of 95 %
// holds it.
package main

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"text/tabwriter"

	"gonum.org/v1/gonum/stat"

	"crossing/notebooks/bootstrap"
	"crossing/notebooks/compare"
	"crossing/notebooks/interval"
	"crossing/notebooks/quantile"
)

// A Method computes an interval on data drawn by rng, and tells the truth.
type Method struct {
	Name, Data string
	Draw       func(rng *rand.Rand, seed uint64) (in interval.Interval, truth float64, err error)
}

// Methods are those of the notebooks.
var Methods = []Method{
	{"order statistics, p50", "2000 log-normal latencies", orderStatistics(.5, func(rng *rand.Rand) float64 { return math.Exp(rng.NormFloat64()) }, 1)},
	{"order statistics, p99", "2000 Pareto latencies", orderStatistics(.99, func(rng *rand.Rand) float64 { return math.Pow(1-rng.Float64(), -1/1.5) }, math.Pow(.01, -1/1.5))},
	{"order statistics, p90", "2000, 5 % of them about 40 ms", orderStatistics(.9, func(rng *rand.Rand) float64 {
		if rng.Float64() < .05 {
			return 40e3 + rng.Float64()
		}
		return 1 - math.Log(1-rng.Float64())
	}, 1+math.Log(.95/.05))},
	{"Student on logarithms", "10 log-normal runs", func(rng *rand.Rand, _ uint64) (interval.Interval, float64, error) {
		x := make([]float64, 10)
		for i := range x {
			x[i] = math.Exp(.3 * rng.NormFloat64())
		}
		in, err := interval.Geometric(x, .95)
		return in, 1, err
	}},
	{"ratio within blocks", "10 blocks, ratio 0.8", func(rng *rand.Rand, _ uint64) (interval.Interval, float64, error) {
		x, y := make([]float64, 10), make([]float64, 10)
		for i := range x {
			block := math.Exp(rng.NormFloat64())
			x[i], y[i] = .8*block*math.Exp(.1*rng.NormFloat64()), block*math.Exp(.1*rng.NormFloat64())
		}
		r, err := compare.Paired(x, y, .95)
		return r.Interval, .8, err
	}},
	{"bootstrap over runs", "10 autocorrelated runs", overRuns(func(runs [][]float64, seed uint64) (interval.Interval, error) {
		return bootstrap.Index(len(runs), plan(seed), func(pick []int) float64 {
			sum := 0.0
			for _, r := range pick {
				sum += stat.Mean(runs[r], nil)
			}
			return sum / float64(len(pick))
		})
	})},
	{"hierarchical bootstrap", "10 autocorrelated runs", overRuns(func(runs [][]float64, seed uint64) (interval.Interval, error) {
		return bootstrap.Hierarchical(runs, plan(seed), func(x []float64) float64 { return stat.Mean(x, nil) })
	})},
	{"moving blocks", "one series of 1000, lag-1 correlation 0.5", func(rng *rand.Rand, seed uint64) (interval.Interval, float64, error) {
		in, err := bootstrap.Blocks(autoregressive(rng, 1000, .5), plan(seed), func(x []float64) float64 { return stat.Mean(x, nil) })
		return in, 0, err
	}},
	{"Student over requests (wrong, to compare)", "10 autocorrelated runs", overRuns(func(runs [][]float64, _ uint64) (interval.Interval, error) {
		return interval.Mean(slices.Concat(runs...), .95)
	})},
}

func plan(seed uint64) bootstrap.Plan { return bootstrap.Plan{Draws: 400, Seed: seed, Level: .95} }

func orderStatistics(q float64, draw func(*rand.Rand) float64, truth float64) func(*rand.Rand, uint64) (interval.Interval, float64, error) {
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

// overRuns draws runs whose levels differ, of autocorrelated values.
func overRuns(of func(runs [][]float64, seed uint64) (interval.Interval, error)) func(*rand.Rand, uint64) (interval.Interval, float64, error) {
	return func(rng *rand.Rand, seed uint64) (interval.Interval, float64, error) {
		runs := make([][]float64, 10)
		for i := range runs {
			level := rng.NormFloat64()
			runs[i] = autoregressive(rng, 100, .9)
			for j := range runs[i] {
				runs[i][j] += level
			}
		}
		in, err := of(runs, seed)
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

// Coverage is the share of draws in which the interval holds the truth.
func Coverage(m Method, draws int) (float64, error) {
	covered := 0
	for d := range uint64(draws) {
		in, truth, err := m.Draw(rand.New(rand.NewPCG(17, d)), d)
		if err != nil {
			return math.NaN(), fmt.Errorf("%s: %w", m.Name, err)
		}
		if in.Lo <= truth && truth <= in.Hi {
			covered++
		}
	}
	return float64(covered) / float64(draws), nil
}

func main() {
	draws := flag.Int("draws", 1000, "synthetic datasets for each method")
	flag.Parse()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "method\tdata\tcovers")
	for _, m := range Methods {
		share, err := Coverage(m, *draws)
		if err != nil {
			fmt.Fprintln(os.Stderr, "calibrate:", err)
			os.Exit(1)
		}
		fmt.Fprintf(w, "%s\t%s\t%.1f %%\n", m.Name, m.Data, 100*share)
	}
	if err := w.Flush(); err != nil {
		os.Exit(1)
	}
}
