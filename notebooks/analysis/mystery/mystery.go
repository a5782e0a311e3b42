// SPDX-License-Identifier: Apache-2.0

// Package mystery asks of the design over the kernel module's options which of
// them makes its slowest requests so much slower than its mean.
package mystery

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/omission"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// A Factor is one thing that differs between the paper's server and ours. In a
// label its letter is followed by 1 where it is the paper's.
type Factor struct {
	Letter byte
	What   string
}

// Factors are the design's six.
var Factors = []Factor{
	{'m', "a thread per connection"},
	{'r', "file read whole per request"},
	{'s', "header and body sent apart"},
	{'n', "Nagle's algorithm"},
	{'l', "a log line per request"},
	{'c', "client on the server's CPU"},
}

// Levels reads a label: factor i is the paper's where bit i is set. Labels of
// other variants are not ok.
func Levels(label string) (on uint, ok bool) {
	if len(label) != 2*len(Factors) {
		return 0, false
	}
	for i, f := range Factors {
		if label[2*i] != f.Letter || label[2*i+1] != '0' && label[2*i+1] != '1' {
			return 0, false
		}
		on |= uint(label[2*i+1]-'0') << i
	}
	return on, true
}

// Fraction reports whether a label is of the 2^(6-2) design, of resolution IV,
// whose defining relations are l = mrs and c = rsn (Box, Hunter and Hunter,
// Statistics for Experimenters, 2nd ed., chapter 6): main effects are free of
// each other and of interactions of two, which are mixed among each other.
func Fraction(on uint) bool {
	m, r, s, n, l, c := on&1, on>>1&1, on>>2&1, on>>3&1, on>>4&1, on>>5&1
	return l == m^r^s && c == r^s^n
}

// ErrAbsent reports that the dataset holds no such design.
var ErrAbsent = errors.New("this dataset does not hold the design over the kernel module's options; collect it by `bin/harness sweep mystery`")

// A Variant is a server as the design labels it, at a number of connections.
type Variant struct {
	Label    string
	Mean     stats.Interval // µs, over runs
	P99      stats.Interval // µs
	Ratio    stats.Interval // p99 / mean
	Wrk      stats.Interval // the same as wrk 4.1.0 would print it
	Rejected int            // runs that may not be used
	Err      error          // why there is no value
	TailErr  error          // why there is no p99
}

// Variants computes all of the set's, at a number of connections.
func Variants(s *runs.Set, connections int) ([]Variant, error) {
	if !has(s) {
		return nil, ErrAbsent
	}
	type values struct {
		mean, p99, ratio, wrk []float64
		unbounded             error
	}
	by := map[string]*values{}
	rejected := map[string]int{}
	var labels []string
	all := s.Runs()
	for i := range all {
		r := &all[i]
		if int(r.Connections) != connections || r.Traced {
			continue
		}
		v := by[r.Tier]
		if v == nil {
			v = &values{}
			by[r.Tier] = v
			labels = append(labels, r.Tier)
		}
		if r.Outcome != dataset.OK {
			rejected[r.Tier]++
			continue
		}
		if _, err := runs.P99(r); err != nil && v.unbounded == nil {
			v.unbounded = err
		}
		x, err := s.Latencies(r, dataset.Service, nil)
		if err != nil {
			return nil, err
		}
		raw, printed := omission.Measured(x), omission.Wrk(x, r.ElapsedNs, connections)
		v.mean, v.p99 = append(v.mean, raw.Mean/1e3), append(v.p99, raw.P99/1e3)
		v.ratio, v.wrk = append(v.ratio, raw.P99/raw.Mean), append(v.wrk, printed.P99/printed.Mean)
	}
	slices.Sort(labels)
	var variants []Variant
	for _, label := range labels {
		v := Variant{Label: label, Rejected: rejected[label]}
		x := by[label]
		nothing := stats.Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
		v.P99, v.Ratio, v.Wrk, v.TailErr = nothing, nothing, nothing, x.unbounded
		oneRun := func(in stats.Interval, err error) stats.Interval { // has a value without an interval
			if err != nil && !(in.N == 1 && errors.Is(err, stats.ErrTooFew)) {
				v.Err = err
			}
			return in
		}
		v.Mean = oneRun(stats.PositiveMean(x.mean, stats.Level))
		if x.unbounded == nil {
			v.P99 = oneRun(stats.PositiveMean(x.p99, stats.Level))
			v.Ratio, v.Wrk = oneRun(stats.GeometricMean(x.ratio, stats.Level)), oneRun(stats.GeometricMean(x.wrk, stats.Level))
		}
		if len(x.mean) == 0 {
			v.Err = fmt.Errorf("no usable run at %d connections (%d failed or rejected)", connections, v.Rejected)
		}
		variants = append(variants, v)
	}
	return variants, nil
}

func has(s *runs.Set) bool {
	return slices.ContainsFunc(s.Tiers(), func(t runs.Tier) bool { _, ok := Levels(t.Name); return ok })
}

// An Effect is by what factor the paper's choice multiplies a quantity, all
// else equal, with an interval over blocks.
type Effect struct {
	Factor
	Mean, P99, Ratio stats.Interval // of the mean, of the 99th percentile, of p99/mean
	TailErr          error          // why the last two have no value
}

// Effects computes every factor's main effects from the fraction's runs at a
// number of connections: on the mean and on p99/mean by least squares on their
// logarithms, on the 99th percentile by quantile regression on the logarithms
// of all requests, each run of the same weight, where the requests of every run
// bound it. Main effects are free of each other and of interactions of two, and
// mixed with interactions of three. Each block is fitted alone, and
// the interval is Student's over blocks (Ibragimov and Müller, Journal of
// Business & Economic Statistics 28(4), 2010). It returns how many blocks were
// whole; a block that lacks a cell is left out.
func Effects(s *runs.Set, connections int) (effects []Effect, blocks int, err error) {
	if !has(s) {
		return nil, 0, ErrAbsent
	}
	byBlock := map[int32]map[uint]*dataset.Run{}
	all := s.Runs()
	for i := range all {
		r := &all[i]
		on, ok := Levels(r.Tier)
		if !ok || !Fraction(on) || int(r.Connections) != connections || r.Outcome != dataset.OK || r.Traced {
			continue
		}
		if byBlock[r.Block] == nil {
			byBlock[r.Block] = map[uint]*dataset.Run{}
		}
		byBlock[r.Block][on] = r
	}
	var unbounded error
	k := len(Factors) + 1
	mean, p99, ratio := make([][]float64, k), make([][]float64, k), make([][]float64, k)
	for block := range int32(len(all)) {
		cells := byBlock[block]
		if len(cells) < 16 {
			continue
		}
		whole := true
		var x, few [][]float64
		var y, weights, logMean, logRatio []float64
		for on := range uint(1 << len(Factors)) {
			r := cells[on]
			if r == nil {
				continue
			}
			latencies, err := s.Latencies(r, dataset.Service, nil)
			if err != nil {
				return nil, blocks, err
			}
			if len(latencies) == 0 {
				whole = false
				break
			}
			row := []float64{1}
			for i := range Factors {
				row = append(row, float64(on>>i&1))
			}
			for _, ns := range latencies {
				x, y, weights = append(x, row), append(y, math.Log(float64(ns)/1e3)), append(weights, 100/float64(len(latencies)))
			}
			if _, err := runs.P99(r); err != nil && unbounded == nil {
				unbounded = err
			}
			m := omission.Measured(latencies)
			few, logMean, logRatio = append(few, row), append(logMean, math.Log(m.Mean)), append(logRatio, math.Log(m.P99/m.Mean))
		}
		if !whole {
			continue
		}
		a, b := leastSquares(few, logMean), leastSquares(few, logRatio)
		q := make([]float64, k)
		if unbounded == nil {
			if q, err = stats.QuantileRegression(x, y, weights, .99); err != nil {
				return nil, blocks, err
			}
		}
		for i := range k {
			p99[i], mean[i], ratio[i] = append(p99[i], math.Exp(q[i])), append(mean[i], math.Exp(a[i])), append(ratio[i], math.Exp(b[i]))
		}
		blocks++
	}
	if blocks == 0 {
		return nil, 0, fmt.Errorf("no block holds all 16 cells of the design, with requests in each, at %d connections", connections)
	}
	for i, f := range Factors {
		e := Effect{Factor: f, TailErr: unbounded}
		// One block gives values without intervals.
		e.Mean, _ = stats.GeometricMean(mean[i+1], stats.Level)
		if unbounded != nil {
			e.P99 = stats.Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
			e.Ratio = e.P99
			effects = append(effects, e)
			continue
		}
		e.P99, _ = stats.GeometricMean(p99[i+1], stats.Level)
		e.Ratio, _ = stats.GeometricMean(ratio[i+1], stats.Level)
		effects = append(effects, e)
	}
	return effects, blocks, nil
}

func leastSquares(x [][]float64, y []float64) []float64 {
	a := mat.NewDense(len(x), len(x[0]), nil)
	for i, row := range x {
		a.SetRow(i, row)
	}
	var b mat.VecDense
	if err := b.SolveVec(a, mat.NewVecDense(len(y), y)); err != nil {
		return make([]float64, len(x[0]))
	}
	return b.RawVector().Data
}

// A Share is a factor's Shapley share of a change.
type Share struct {
	Factor
	Log float64 // share of the logarithm of the ratio
}

// Shares divides among the three factors with the largest effects on p99/mean
// the change of its logarithm from ours (all three off) to the paper's (all
// on). In a design of resolution IV any three factors form a full factorial of
// their own, each cell twice, so interactions among the three are in the shares.
// With three letters of a defining word the fourth factor is the parity of the
// three: its effect is in the shares, too, and it is returned as mixed.
// Otherwise the other factors are averaged over. effects are those at the same
// load.
func Shares(s *runs.Set, effects []Effect, connections int) (shares []Share, mixed *Factor, err error) {
	for _, e := range effects {
		if e.TailErr != nil {
			return nil, nil, e.TailErr
		}
	}
	variants, err := Variants(s, connections)
	if err != nil {
		return nil, nil, err
	}
	place := make([]int, len(effects))
	for i := range place {
		place[i] = i
	}
	size := func(i int) float64 { return math.Abs(math.Log(effects[i].Ratio.Estimate)) }
	slices.SortStableFunc(place, func(a, b int) int {
		switch {
		case size(a) > size(b):
			return -1
		case size(a) < size(b):
			return 1
		}
		return 0
	})
	top := place[:3]
	var sum, n [8]float64
	for _, v := range variants {
		on, ok := Levels(v.Label)
		if !ok || !Fraction(on) || v.Err != nil {
			continue
		}
		cell := 0
		for i, f := range top {
			cell |= int(on>>f&1) << i
		}
		sum[cell] += math.Log(v.Ratio.Estimate)
		n[cell]++
	}
	shapley := stats.Shapley(3, func(on uint) float64 { return sum[on] / n[on] })
	letters := ""
	for i, f := range top {
		shares = append(shares, Share{Factors[f], shapley[i]})
		letters += string(Factors[f].Letter)
	}
	return shares, fourth(letters), nil
}

// words are the fraction's defining words: the parity of each word's factors is
// the same in every variant.
var words = []string{"mrsl", "rsnc", "mlnc"}

// fourth is the factor that makes a defining word of three letters, or nil.
func fourth(three string) *Factor {
	for _, word := range words {
		rest := strings.Map(func(r rune) rune {
			if strings.ContainsRune(three, r) {
				return -1
			}
			return r
		}, word)
		if len(rest) != 1 {
			continue
		}
		for i := range Factors {
			if Factors[i].Letter == rest[0] {
				return &Factors[i]
			}
		}
	}
	return nil
}

// steps remove one cause after the other, from the paper's server to ours.
var steps = []struct{ label, what string }{
	{"m1r1s1n1l1c1", "the paper's server, one CPU for client and server"},
	{"m1r1s1n1l1c0", "a CPU for each"},
	{"m1r1s1n1l0c0", "no log line per request"},
	{"m1r1s0n0l0c0", "one send, without Nagle's algorithm"},
	{"m1r0s0n0l0c0", "file kept, not read per request"},
	{"m0r0s0n0l0c0", "events, not a thread per connection"},
}

// name is a label as text.
func name(label string) string {
	on, ok := Levels(label)
	if !ok {
		return label
	}
	var paper []string
	for i, f := range Factors {
		if on>>i&1 == 1 {
			paper = append(paper, f.What)
		}
	}
	if len(paper) == 0 {
		return "none of the paper's choices"
	}
	return strings.Join(paper, ", ")
}
