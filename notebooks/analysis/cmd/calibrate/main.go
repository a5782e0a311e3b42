// SPDX-License-Identifier: Apache-2.0

// Command calibrate prints how often each interval method covers a truth that
// is known: the share of many synthetic datasets in which the interval of 95 %
// holds it.
package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"crossing/internal/root"
	"crossing/notebooks/analysis/tail"
	"crossing/notebooks/stats"
)

// A Method is an interval's method, on one kind of data.
type Method struct {
	Name, Data string
	Draw       draw
	// Covers is the coverage that the method's documentation states: about the
	// level, or else what it is on such data.
	Covers span
}

// A span is a range of shares.
type span struct{ lo, hi float64 }

var (
	nominal = span{.93, .97} // the level, 95 %
	atLeast = span{.93, 1}   // discrete, or a bound: the level or more
)

// Methods are those of the notebooks.
var Methods = []Method{
	{"order statistics, p50", "2000 log-normal latencies", orderStatistics(.5, lognormal), nominal},
	{"order statistics, p99", "2000 Pareto latencies", orderStatistics(.99, pareto), nominal},
	{"order statistics, p50", "2000, log-normal, 5 % of them Pareto", orderStatistics(.5, mixed), nominal},
	{"order statistics, p99", "2000, log-normal, 5 % of them Pareto", orderStatistics(.99, mixed), nominal},
	{"order statistics, p90", "2000, 5 % of them about 40 ms", orderStatistics(.9, twoModes), nominal},
	{"order statistics, p99", "2000, 5 % of them about 40 ms", orderStatistics(.99, twoModes), nominal},
	{"Student on logarithms", "10 log-normal runs", func(rng *rand.Rand, _ uint64) (stats.Interval, float64, error) {
		x := make([]float64, 10)
		for i := range x {
			x[i] = math.Exp(.3 * rng.NormFloat64())
		}
		in, err := stats.GeometricMean(x, .95)
		return in, 1, err
	}, nominal},
	{"ratio within blocks", "10 blocks, ratio 0.8", func(rng *rand.Rand, _ uint64) (stats.Interval, float64, error) {
		x, y := make([]float64, 10), make([]float64, 10)
		for i := range x {
			block := math.Exp(rng.NormFloat64())
			x[i], y[i] = .8*block*math.Exp(.1*rng.NormFloat64()), block*math.Exp(.1*rng.NormFloat64())
		}
		r, err := stats.Paired(x, y, .95)
		return r.Interval, .8, err
	}, nominal},
	{"bootstrap over runs", "10 autocorrelated runs", overRuns(10, 100, 1, .9, func(runs [][]float64, seed uint64) (stats.Interval, error) {
		return stats.BootstrapUnits(len(runs), plan(seed), func(pick []int) float64 {
			sum := 0.0
			for _, r := range pick {
				sum += mean(runs[r])
			}
			return sum / float64(len(pick))
		})
	}), nominal},
	{"hierarchical bootstrap, mean", "10 autocorrelated runs", overRuns(10, 100, 1, .9, hierarchical(mean)), nominal},
	{"hierarchical bootstrap, p50", "10 autocorrelated runs", overRuns(10, 100, 1, .9, hierarchical(median)), nominal},
	{"hierarchical bootstrap, mean", "10 runs that differ much", overRuns(10, 200, 3, .5, hierarchical(mean)), nominal},
	{"Student on logarithms of runs' p50", "8 log-normal runs that differ by 20 %", ofRuns(8, .5), nominal},
	{"Student on logarithms of runs' p99", "8 log-normal runs that differ by 20 %", ofRuns(8, .99), nominal},
	{"moving blocks, mean", "one series of 1000, independent", blocks(1000, 0, mean), span{.91, .97}},
	{"moving blocks, mean", "one series of 1000, lag-1 correlation 0.5", blocks(1000, .5, mean), span{.91, .97}},
	{"moving blocks, p50", "one series of 1000, lag-1 correlation 0.5", blocks(1000, .5, median), span{.91, .97}},
	{"moving blocks, mean", "one series of 5000, lag-1 correlation 0.9", blocks(5000, .9, mean), span{.91, .97}},
	{"knee, N* = Xmax/X1", "8 blocks, 10 at once are served", knees(0, tenAtOnce), atLeast},
	{"knee, segmented", "8 blocks, 10 at once are served", knees(2, tenAtOnce), span{.9, 1}},
	{"knee, Kneedle", "8 blocks, 10 at once are served", knees(3, tenAtOnce), atLeast},
	{"knee, N* = Xmax/X1", "8 blocks of a USL", knees(0, law.At), atLeast},
	{"knee, USL", "8 blocks of a USL", knees(1, law.At), span{.91, .98}},
	{"knee, segmented", "8 blocks of a USL", knees(2, law.At), span{.9, 1}},
	{"knee, Kneedle", "8 blocks of a USL", knees(3, law.At), atLeast},
	{"Student over requests (wrong, to compare)", "10 autocorrelated runs", overRuns(10, 100, 1, .9, func(runs [][]float64, _ uint64) (stats.Interval, error) {
		return stats.Mean(slices.Concat(runs...), .95)
	}), span{.15, .4}},
	// What the methods are not made for, with what they then cover.
	{"mean over runs", "10 log-normal runs", overMeans(10, func(rng *rand.Rand) float64 { return math.Exp(.3 * rng.NormFloat64()) }, math.Exp(.045)), span{.91, .97}},
	{"mean over runs", "6 runs, one in seven stalls (8 times as long)", overMeans(6, stalling, 2), span{.5, .7}},
	{"mean over runs", "10 runs, one in seven stalls (8 times as long)", overMeans(10, stalling, 2), span{.7, .85}},
	{"mean over runs", "10 runs, Pareto 1.2", overMeans(10, pareto12, 6), span{.4, .65}},
	{"ratio of totals", "10 runs of two lengths", totals(10), span{.92, .97}},
	{"ratio within blocks, ties", "8 blocks, whole per cents", ratioOf(8, func(rng *rand.Rand) float64 { return math.Round(4*rng.NormFloat64()) / 100 }), atLeast},
	{"ratio within blocks", "8 blocks of Pareto 1.2 runs", ratioOf(8, func(rng *rand.Rand) float64 { return math.Log(pareto12(rng) / pareto12(rng)) }), span{.94, .98}},
	{"ratio within blocks", "8 blocks, truth of expectations, one in seven of x stalls", ratioOfExpectations(8), span{.6, .85}},
	{"ratio within blocks", "3 blocks", ratioOf(3, func(rng *rand.Rand) float64 { return rng.NormFloat64() }), span{.72, .78}},
	{"bootstrap over runs", "3 runs, lag-1 correlation 0.97", overRuns(3, 400, 0, .97, func(runs [][]float64, seed uint64) (stats.Interval, error) {
		return stats.BootstrapUnits(len(runs), plan(seed), func(pick []int) float64 {
			sum := 0.0
			for _, r := range pick {
				sum += mean(runs[r])
			}
			return sum / float64(len(pick))
		})
	}), span{.66, .8}},
	{"hierarchical bootstrap, mean", "8 runs, lag-1 correlation 0.97", overRuns(8, 400, 0, .97, hierarchical(mean)), nominal},
	{"moving blocks, mean", "one series of 1000, lag-1 correlation 0.97", blocks(1000, .97, mean), span{.86, .95}},
	{"moving blocks, mean", "one series of 5000, lag-1 correlation 0.97", blocks(5000, .97, mean), span{.91, .97}},
	{"knee, N* = Xmax/X1", "8 blocks, 5.3 at once, 9 loads, noise 3 %", kneesAt(nine, 5.3, .03), atLeast},
	{"knee, N* = Xmax/X1", "8 blocks, 5.3 at once, 9 loads, noise 30 %", kneesAt(nine, 5.3, .3), atLeast},
	{"knee, N* = Xmax/X1", "8 blocks, one at once, 9 loads, noise 30 %", kneesAt(nine, 1, .3), atLeast},
	{"ideal queue, ratio of p99", "8 blocks, 15 µs of wire, exponential services, 4", idealQueue(15e3, exponential, 4), nominal},
	{"ideal queue, ratio of p99", "8 blocks, 40 µs of wire, exponential services, 16", idealQueue(40e3, exponential, 16), nominal},
	{"ideal queue, ratio of p99", "8 blocks, 15 µs of wire, log-normal services, 64", idealQueue(15e3, heavier, 64), nominal},
	{"ideal queue, ratio of p99", "8 blocks, no wire, exponential services, 4", idealQueue(0, exponential, 4), nominal},
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

// RankedFirst is the share of draws in which the stage that makes requests slow
// is ranked first.
func RankedFirst(draws int) (float64, error) {
	n := 0
	for d := range uint64(draws) {
		first, err := ranksFirst(rand.New(rand.NewPCG(23, d)))
		if err != nil {
			return math.NaN(), err
		}
		if first {
			n++
		}
	}
	return float64(n) / float64(draws), nil
}

func main() {
	if err := rootCmd().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "calibrate:", err)
		os.Exit(1)
	}
}

func rootCmd() *cobra.Command {
	var draws int
	var only string
	c := &cobra.Command{
		Use:   "calibrate",
		Short: "Print how often each kind of interval covers a known truth",
		Example: `  calibrate --draws 200
  calibrate --only 'knee|ratio'`,
		Args:          cobra.NoArgs,
		Version:       root.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			wanted, err := regexp.Compile(only)
			if err != nil {
				return fmt.Errorf("--only: %w", err)
			}
			if draws < 1 {
				return fmt.Errorf("--draws must be positive, not %d", draws)
			}
			return calibrate(cmd.OutOrStdout(), draws, wanted)
		},
	}
	c.Flags().IntVar(&draws, "draws", 1000, "number of synthetic datasets for each method")
	c.Flags().StringVar(&only, "only", "", "regular expression: only the methods whose name or data match")
	return c
}

// calibrate prints the coverage of the wanted methods.
func calibrate(w io.Writer, draws int, wanted *regexp.Regexp) error {
	const row = "%-42s  %-60s  %-10s %s\n"
	fmt.Fprintf(w, row, "method", "data", "covers", "documented")
	for _, m := range Methods {
		if !wanted.MatchString(m.Name + ", " + m.Data) {
			continue
		}
		share, err := Coverage(m, draws)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, row, m.Name, m.Data, fmt.Sprintf("%.1f %%", 100*share), fmt.Sprintf("%.0f to %.0f %%", 100*m.Covers.lo, 100*m.Covers.hi))
	}
	const planted = "tail decomposition"
	if !wanted.MatchString(planted) {
		return nil
	}
	first, err := RankedFirst(draws)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, row, planted, fmt.Sprintf("6 runs, slow requests wait in one of %d stages", len(tail.Names)), fmt.Sprintf("%.1f %%", 100*first), "ranked first in all")
	return nil
}
