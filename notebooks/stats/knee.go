// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// A ThroughputCurve is throughput against load: X[i] requests per second with N[i]
// connections, N ascending.
type ThroughputCurve struct{ N, X []float64 }

// ErrShortCurve reports that a curve has too few loads.
var ErrShortCurve = errors.New("a knee needs throughput at four loads at least")

// ErrNoKnee reports that a method finds no knee: the curve does not bend in the
// range measured.
var ErrNoKnee = errors.New("no knee within the loads measured")

func (c ThroughputCurve) check() error {
	if len(c.N) != len(c.X) || len(c.N) < 4 {
		return ErrShortCurve
	}
	for i := range c.N {
		if !(c.N[i] > 0) || !(c.X[i] > 0) || math.IsInf(c.X[i], 0) || i > 0 && c.N[i] <= c.N[i-1] {
			return fmt.Errorf("load %v with rate %v: both must be positive, and loads ascend", c.N[i], c.X[i])
		}
	}
	return nil
}

// SaturationPoint is N* = X_max/X_1: where the line of a server that never waits meets
// the ceiling (Lazowska et al., Quantitative System Performance, 1984, section
// 5.2). It needs the rate at one connection.
func SaturationPoint(c ThroughputCurve) (float64, error) {
	if err := c.check(); err != nil {
		return math.NaN(), err
	}
	if c.N[0] != 1 {
		return math.NaN(), fmt.Errorf("the knee N* needs the rate at one connection; the smallest load is %v", c.N[0])
	}
	return c.X[peak(c)] / c.X[0], nil
}

// peak is the place of the highest rate.
func peak(c ThroughputCurve) int {
	at := 0
	for i := range c.X {
		if c.X[i] > c.X[at] {
			at = i
		}
	}
	return at
}

// A USL is a fit of the Universal Scalability Law (Gunther, Guerrilla Capacity
// Planning, 2007, chapter 4): X(N) = λN / (1 + σ(N-1) + κN(N-1)).
type USL struct {
	Lambda float64 // rate of one, 1/s
	Sigma  float64 // contention
	Kappa  float64 // coherence
}

// At is the law's rate with n connections.
func (u USL) At(n float64) float64 {
	return u.Lambda * n / (1 + u.Sigma*(n-1) + u.Kappa*n*(n-1))
}

// Knee is where the law's rate would be highest, sqrt((1-σ)/κ); without
// coherence it only nears its ceiling λ/σ, and the knee is where the line from
// the origin meets that, 1/σ.
func (u USL) Knee() (float64, error) {
	switch {
	case u.Kappa > 1e-9 && u.Sigma < 1:
		peak := math.Sqrt((1 - u.Sigma) / u.Kappa)
		if u.Sigma > 1e-9 {
			return min(peak, 1/u.Sigma), nil
		}
		return peak, nil
	case u.Sigma > 1e-9:
		return 1 / u.Sigma, nil
	}
	return math.Inf(1), ErrNoKnee
}

// FitUSL fits the law in its linear form, N/X = (1 + σ(N-1) + κN(N-1))/λ (Gunther,
// chapter 5), by least squares on the relative errors of the rates, σ and κ not
// negative. The problem is convex, so the best of the four fits with both, one
// or neither of them at 0 is the best there is.
func FitUSL(c ThroughputCurve) (USL, error) {
	if err := c.check(); err != nil {
		return USL{}, err
	}
	ones := mat.NewVecDense(len(c.N), nil)
	for i := range c.N {
		ones.SetVec(i, 1)
	}
	best, least := USL{}, math.Inf(1)
	for _, free := range [][]int{{0}, {0, 1}, {0, 2}, {0, 1, 2}} {
		a := mat.NewDense(len(c.N), len(free), nil)
		for i, n := range c.N {
			terms := [3]float64{1, n - 1, n * (n - 1)}
			for j, term := range free {
				a.Set(i, j, c.X[i]/n*terms[term])
			}
		}
		var b, rest mat.VecDense
		if err := b.SolveVec(a, ones); err != nil || !(mat.Min(&b) > 0) {
			continue
		}
		rest.MulVec(a, &b)
		rest.SubVec(ones, &rest)
		if rss := mat.Dot(&rest, &rest); rss < least {
			var of [3]float64
			for j, term := range free {
				of[term] = b.AtVec(j)
			}
			least, best = rss, USL{1 / of[0], of[1] / of[0], of[2] / of[0]}
		}
	}
	return best, nil
}

// SegmentedKnee fits two straight lines to log rate against log load that meet at
// the knee (Hudson, Journal of the American Statistical Association 61(316),
// 1966). Between two loads the best pair of lines is either two lines fitted
// apart, where they cross there, or meets at one of the loads; all are tried.
// Without a bend down that halves the squares of the straight line's residuals
// there is no knee.
func SegmentedKnee(c ThroughputCurve) (float64, error) {
	if err := c.check(); err != nil {
		return math.NaN(), err
	}
	n := len(c.N)
	x, y := make([]float64, n), make([]float64, n)
	for i := range c.N {
		x[i], y[i] = math.Log(c.N[i]), math.Log(c.X[i])
	}
	a, b := stat.LinearRegression(x, y, nil, false)
	straight := residuals(x, y, a, b)
	best, knee := straight/2, math.NaN()
	for i := 1; i < n-1; i++ {
		if bend, rss := hinge(x, y, x[i]); bend < 0 && rss < best {
			best, knee = rss, x[i]
		}
	}
	for i := 2; i <= n-2; i++ { // two loads at least on each side
		a, b := stat.LinearRegression(x[:i], y[:i], nil, false)
		c, d := stat.LinearRegression(x[i:], y[i:], nil, false)
		at := (c - a) / (b - d)
		if rss := residuals(x[:i], y[:i], a, b) + residuals(x[i:], y[i:], c, d); d < b && rss < best && x[i-1] < at && at < x[i] {
			best, knee = rss, at
		}
	}
	if math.IsNaN(knee) {
		return math.NaN(), ErrNoKnee
	}
	return math.Exp(knee), nil
}

// residuals is the sum of squared residuals of the line a + b·x.
func residuals(x, y []float64, a, b float64) (sum float64) {
	for i := range x {
		d := y[i] - a - b*x[i]
		sum += d * d
	}
	return sum
}

// hinge fits y = a + b·x + bend·max(0, x-at); rss is the sum of squared
// residuals.
func hinge(x, y []float64, at float64) (bend, rss float64) {
	m := mat.NewDense(len(x), 3, nil)
	for i := range x {
		m.SetRow(i, []float64{1, x[i], max(0, x[i]-at)})
	}
	var beta, rest mat.VecDense
	if err := beta.SolveVec(m, mat.NewVecDense(len(y), slices.Clone(y))); err != nil {
		return 0, math.Inf(1)
	}
	rest.MulVec(m, &beta)
	rest.SubVec(mat.NewVecDense(len(y), y), &rest)
	return beta.AtVec(2), mat.Dot(&rest, &rest)
}

// Kneedle is the load furthest above the straight line between the curve's
// ends, both axes scaled to [0, 1] (Satopää et al. 2011), load on a
// logarithmic scale. An end of the curve is no knee.
func Kneedle(c ThroughputCurve) (float64, error) {
	if err := c.check(); err != nil {
		return math.NaN(), err
	}
	lo, hi := slices.Min(c.X), slices.Max(c.X)
	last := len(c.N) - 1
	if hi == lo {
		return math.NaN(), ErrNoKnee
	}
	best, knee := 0.0, math.NaN()
	for i := 1; i < last; i++ {
		x := math.Log(c.N[i]/c.N[0]) / math.Log(c.N[last]/c.N[0])
		y := (c.X[i] - lo) / (hi - lo)
		if d := y - x; d > best {
			best, knee = d, c.N[i]
		}
	}
	if best < 0.05 {
		return math.NaN(), ErrNoKnee
	}
	return knee, nil
}
