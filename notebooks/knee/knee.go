// Package knee finds the load at which a server saturates, in four ways that
// assume different things, so that their agreement can be told.
package knee

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
	"gonum.org/v1/gonum/stat"
)

// A Curve is throughput against load: X[i] requests per second with N[i]
// connections, N ascending.
type Curve struct{ N, X []float64 }

// ErrShort says that a curve has too few loads.
var ErrShort = errors.New("a knee needs throughput at four loads at least")

// ErrNone says that a method finds no knee: the curve does not bend in the
// range measured.
var ErrNone = errors.New("no knee within the loads measured")

func (c Curve) check() error {
	if len(c.N) != len(c.X) || len(c.N) < 4 {
		return ErrShort
	}
	for i := range c.N {
		if !(c.N[i] > 0) || !(c.X[i] > 0) || math.IsInf(c.X[i], 0) || i > 0 && c.N[i] <= c.N[i-1] {
			return fmt.Errorf("load %v with rate %v: both must be positive, and loads ascend", c.N[i], c.X[i])
		}
	}
	return nil
}

// Star is N* = X_max/X_1: where the line of a server that never waits meets
// the ceiling (Lazowska et al., Quantitative System Performance, 1984, section
// 5.2). It needs the rate at one connection.
func Star(c Curve) (float64, error) {
	if err := c.check(); err != nil {
		return math.NaN(), err
	}
	if c.N[0] != 1 {
		return math.NaN(), fmt.Errorf("the knee N* needs the rate at one connection; the smallest load is %v", c.N[0])
	}
	return slices.Max(c.X) / c.X[0], nil
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
	return math.Inf(1), ErrNone
}

// FitUSL fits the law by least squares on log rates, σ and κ not negative:
// errors of rates are about relative. The best λ follows from the other two; the
// search for them begins at the law's linear form, N/X = (1 + σ(N-1) +
// κN(N-1))/λ, fitted in one step.
func FitUSL(c Curve) (USL, error) {
	if err := c.check(); err != nil {
		return USL{}, err
	}
	at := func(p []float64) (u USL, rss float64) {
		u = USL{1, p[0] * p[0], p[1] * p[1]}
		residuals := make([]float64, len(c.N))
		for i, n := range c.N {
			residuals[i] = math.Log(c.X[i] / u.At(n))
		}
		mean, variance := stat.PopMeanVariance(residuals, nil)
		u.Lambda = math.Exp(mean)
		return u, variance
	}
	start := linearUSL(c)
	r, err := optimize.Minimize(optimize.Problem{Func: func(p []float64) float64 { _, rss := at(p); return rss }},
		[]float64{math.Sqrt(start.Sigma), math.Sqrt(start.Kappa)}, &optimize.Settings{MajorIterations: 3000}, &optimize.NelderMead{})
	if r == nil || err != nil && r.Status == optimize.Failure {
		return USL{}, fmt.Errorf("the fit of the Universal Scalability Law did not converge: %w", err)
	}
	u, _ := at(r.X)
	return u, nil
}

// linearUSL fits the law's linear form by relative least squares. What it finds
// below 0 it moves a little above, so that a search can leave from there.
func linearUSL(c Curve) USL {
	a, y := mat.NewDense(len(c.N), 3, nil), mat.NewVecDense(len(c.N), nil)
	for i, n := range c.N {
		w := c.X[i] / n
		a.SetRow(i, []float64{w, w * (n - 1), w * n * (n - 1)})
		y.SetVec(i, 1)
	}
	var b mat.VecDense
	if err := b.SolveVec(a, y); err != nil || !(b.AtVec(0) > 0) {
		return USL{c.X[0], .1, .001}
	}
	return USL{1 / b.AtVec(0), max(b.AtVec(1)/b.AtVec(0), 1e-3), max(b.AtVec(2)/b.AtVec(0), 1e-5)}
}

// Segmented fits two straight lines to log rate against log load that meet at
// the knee, which is searched over a grid (Hudson 1966).
func Segmented(c Curve) (float64, error) {
	if err := c.check(); err != nil {
		return math.NaN(), err
	}
	n := len(c.N)
	x, y := make([]float64, n), make([]float64, n)
	for i := range c.N {
		x[i], y[i] = math.Log(c.N[i]), math.Log(c.X[i])
	}
	_, straight := fit(x, y, math.Inf(1))
	best, knee := straight, math.NaN()
	const steps = 120
	for s := 1; s < steps; s++ {
		at := x[0] + (x[n-1]-x[0])*float64(s)/steps
		slopes, rss := fit(x, y, at)
		if rss < best && slopes[1] < 0 { // it bends down
			best, knee = rss, at
		}
	}
	if math.IsNaN(knee) || best > 0.5*straight {
		return math.NaN(), ErrNone
	}
	return math.Exp(knee), nil
}

// fit fits y = a + b·x + c·max(0, x-at) and returns {b, c} and the residual
// sum of squares.
func fit(x, y []float64, at float64) ([2]float64, float64) {
	n, k := len(x), 3
	if math.IsInf(at, 1) {
		k = 2
	}
	a := mat.NewDense(n, k, nil)
	for i := range x {
		a.Set(i, 0, 1)
		a.Set(i, 1, x[i])
		if k == 3 {
			a.Set(i, 2, max(0, x[i]-at))
		}
	}
	var beta mat.VecDense
	if err := beta.SolveVec(a, mat.NewVecDense(n, slices.Clone(y))); err != nil {
		return [2]float64{}, math.Inf(1)
	}
	var fitted mat.VecDense
	fitted.MulVec(a, &beta)
	rss := 0.0
	for i := range y {
		d := y[i] - fitted.AtVec(i)
		rss += d * d
	}
	slopes := [2]float64{beta.AtVec(1), 0}
	if k == 3 {
		slopes[1] = beta.AtVec(2)
	}
	return slopes, rss
}

// Kneedle is the load furthest above the straight line between the curve's
// ends, both axes scaled to [0, 1] (Satopää et al. 2011), load on a
// logarithmic scale.
func Kneedle(c Curve) (float64, error) {
	if err := c.check(); err != nil {
		return math.NaN(), err
	}
	top := 0
	for i := range c.X {
		if c.X[i] > c.X[top] {
			top = i
		}
	}
	lo, hi := slices.Min(c.X), c.X[top]
	last := len(c.N) - 1
	if hi == lo {
		return math.NaN(), ErrNone
	}
	best, knee := 0.0, math.NaN()
	for i := range c.N {
		x := math.Log(c.N[i]/c.N[0]) / math.Log(c.N[last]/c.N[0])
		y := (c.X[i] - lo) / (hi - lo)
		if d := y - x; d > best {
			best, knee = d, c.N[i]
		}
	}
	if best < 0.05 {
		return math.NaN(), ErrNone
	}
	return knee, nil
}
