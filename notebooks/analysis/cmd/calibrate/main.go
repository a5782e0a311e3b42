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
}

// Methods are those of the notebooks.
var Methods = []Method{
	{"order statistics, p50", "2000 log-normal latencies", orderStatistics(.5, lognormal)},
	{"order statistics, p99", "2000 Pareto latencies", orderStatistics(.99, pareto)},
	{"order statistics, p50", "2000, log-normal, 5 % of them Pareto", orderStatistics(.5, mixed)},
	{"order statistics, p99", "2000, log-normal, 5 % of them Pareto", orderStatistics(.99, mixed)},
	{"order statistics, p90", "2000, 5 % of them about 40 ms", orderStatistics(.9, twoModes)},
	{"order statistics, p99", "2000, 5 % of them about 40 ms", orderStatistics(.99, twoModes)},
	{"Student on logarithms", "10 log-normal runs", func(rng *rand.Rand, _ uint64) (stats.Interval, float64, error) {
		x := make([]float64, 10)
		for i := range x {
			x[i] = math.Exp(.3 * rng.NormFloat64())
		}
		in, err := stats.GeometricMean(x, .95)
		return in, 1, err
	}},
	{"ratio within blocks", "10 blocks, ratio 0.8", func(rng *rand.Rand, _ uint64) (stats.Interval, float64, error) {
		x, y := make([]float64, 10), make([]float64, 10)
		for i := range x {
			block := math.Exp(rng.NormFloat64())
			x[i], y[i] = .8*block*math.Exp(.1*rng.NormFloat64()), block*math.Exp(.1*rng.NormFloat64())
		}
		r, err := stats.Paired(x, y, .95)
		return r.Interval, .8, err
	}},
	{"bootstrap over runs", "10 autocorrelated runs", overRuns(10, 100, 1, .9, func(runs [][]float64, seed uint64) (stats.Interval, error) {
		return stats.BootstrapUnits(len(runs), plan(seed), func(pick []int) float64 {
			sum := 0.0
			for _, r := range pick {
				sum += mean(runs[r])
			}
			return sum / float64(len(pick))
		})
	})},
	{"hierarchical bootstrap, mean", "10 autocorrelated runs", overRuns(10, 100, 1, .9, hierarchical(mean))},
	{"hierarchical bootstrap, p50", "10 autocorrelated runs", overRuns(10, 100, 1, .9, hierarchical(median))},
	{"hierarchical bootstrap, mean", "10 runs that differ much", overRuns(10, 200, 3, .5, hierarchical(mean))},
	{"Student on logarithms of runs' p50", "8 log-normal runs that differ by 20 %", ofRuns(8, .5)},
	{"Student on logarithms of runs' p99", "8 log-normal runs that differ by 20 %", ofRuns(8, .99)},
	{"moving blocks, mean", "one series of 1000, independent", blocks(1000, 0, mean)},
	{"moving blocks, mean", "one series of 1000, lag-1 correlation 0.5", blocks(1000, .5, mean)},
	{"moving blocks, p50", "one series of 1000, lag-1 correlation 0.5", blocks(1000, .5, median)},
	{"moving blocks, mean", "one series of 5000, lag-1 correlation 0.9", blocks(5000, .9, mean)},
	{"knee, N* = Xmax/X1", "8 blocks, 10 at once are served", knees(0, tenAtOnce)},
	{"knee, segmented", "8 blocks, 10 at once are served", knees(2, tenAtOnce)},
	{"knee, Kneedle", "8 blocks, 10 at once are served", knees(3, tenAtOnce)},
	{"knee, N* = Xmax/X1", "8 blocks of a USL", knees(0, law.At)},
	{"knee, USL", "8 blocks of a USL", knees(1, law.At)},
	{"knee, segmented", "8 blocks of a USL", knees(2, law.At)},
	{"knee, Kneedle", "8 blocks of a USL", knees(3, law.At)},
	{"Student over requests (wrong, to compare)", "10 autocorrelated runs", overRuns(10, 100, 1, .9, func(runs [][]float64, _ uint64) (stats.Interval, error) {
		return stats.Mean(slices.Concat(runs...), .95)
	})},
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
	const row = "%-42s  %-48s  %s\n"
	fmt.Fprintf(w, row, "method", "data", "covers")
	for _, m := range Methods {
		if !wanted.MatchString(m.Name + ", " + m.Data) {
			continue
		}
		share, err := Coverage(m, draws)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, row, m.Name, m.Data, fmt.Sprintf("%.1f %%", 100*share))
	}
	const planted = "tail decomposition"
	if !wanted.MatchString(planted) {
		return nil
	}
	first, err := RankedFirst(draws)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, row, planted, fmt.Sprintf("6 runs, slow requests wait in one of %d stages", len(tail.Names)), fmt.Sprintf("ranks it first in %.1f %%", 100*first))
	return nil
}
