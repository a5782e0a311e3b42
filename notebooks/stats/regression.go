// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// ErrSingularDesign reports that effects cannot be separated from the rows at hand.
var ErrSingularDesign = errors.New("the rows do not separate the effects")

// ErrNotFiniteValues reports that a value is not finite.
var ErrNotFiniteValues = errors.New("quantile regression needs finite values")

// QuantileRegression finds the coefficients b that minimise Σ wᵢ ρ(yᵢ − xᵢ·b) with ρ the
// check function of quantile q (Koenker and Bassett, Econometrica 46(1), 1978):
// xᵢ·b is the quantile of y given xᵢ, if it is linear in xᵢ. Nothing else is
// assumed of the distribution. weights may be nil. The unit is y's.
//
// The linear program is solved by the Frisch–Newton interior-point method
// (Portnoy and Koenker, Statistical Science 12(4), 1997), in time linear in the
// rows; gonum's simplex needs their square in memory.
func QuantileRegression(x [][]float64, y, weights []float64, q float64) ([]float64, error) {
	n := len(y)
	if n == 0 || len(x) != n || weights != nil && len(weights) != n {
		return nil, fmt.Errorf("%w: %d rows, %d values, %d weights", ErrSingularDesign, len(x), n, len(weights))
	}
	k := len(x[0])
	rows, values := make([]float64, 0, n*k), make([]float64, n)
	sum := make([]float64, k) // what X'a must stay: (1-q) times the columns' sums
	scale := 0.0
	for i := range y {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		for j, v := range x[i] {
			rows = append(rows, w*v)
			sum[j] += (1 - q) * w * v
		}
		values[i] = -w * y[i]
		if math.IsNaN(values[i]) || math.IsInf(values[i], 0) {
			return nil, ErrNotFiniteValues
		}
		scale += math.Abs(values[i])
	}
	p := &linearProgram{rows: rows, k: k, c: values, b: sum}
	b, err := p.solve(q, 1e-10*max(scale, 1e-300))
	for j := range b {
		b[j] = -b[j]
	}
	return b, err
}

// linearProgram is: minimise c·x subject to Aᵀx = b, 0 ≤ x ≤ 1, with A's rows in rows.
type linearProgram struct {
	rows []float64
	k    int
	c, b []float64
}

func (p *linearProgram) row(i int) []float64 { return p.rows[i*p.k : (i+1)*p.k] }

// least solves the weighted least-squares problem Σ q (row·d)·row = Σ q r·row.
func (p *linearProgram) least(q, r []float64) ([]float64, error) {
	normal, right := make([]float64, p.k*p.k), make([]float64, p.k)
	for i := range q {
		row := p.row(i)
		for a, va := range row {
			if va == 0 {
				continue
			}
			v := q[i] * va
			right[a] += v * r[i]
			to := normal[a*p.k : (a+1)*p.k]
			for b := a; b < p.k; b++ {
				to[b] += v * row[b]
			}
		}
	}
	var factor mat.Cholesky
	if !factor.Factorize(mat.NewSymDense(p.k, normal)) {
		return nil, ErrSingularDesign
	}
	var d mat.VecDense
	if err := factor.SolveVecTo(&d, mat.NewVecDense(p.k, right)); err != nil && math.IsInf(factor.Cond(), 1) {
		return nil, fmt.Errorf("%w: %w", ErrSingularDesign, err)
	}
	return d.RawVector().Data, nil
}

// solve follows lp_fnm of Koenker's R package quantreg, and returns the dual.
func (p *linearProgram) solve(q, small float64) ([]float64, error) {
	n := len(p.c)
	x, s, z, w := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	dx, dz, dw := make([]float64, n), make([]float64, n), make([]float64, n)
	weight, r := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i], s[i], weight[i] = 1-q, q, 1
	}
	y, err := p.least(weight, p.c)
	if err != nil {
		return nil, err
	}
	for i := range r {
		d := p.c[i] - floats.Dot(p.row(i), y)
		if d == 0 {
			d = 1e-3 * small
		}
		z[i], w[i] = max(d, 0), max(-d, 0)
		z[i], w[i] = z[i]+small/float64(n), w[i]+small/float64(n)
	}
	for range 200 {
		gap := floats.Dot(z, x) + floats.Dot(w, s)
		if gap <= small {
			return y, nil
		}
		for i := range r {
			weight[i] = 1 / (z[i]/x[i] + w[i]/s[i])
			r[i] = z[i] - w[i]
		}
		dy, err := p.least(weight, r)
		if err != nil {
			return y, nil // at the limit of the numbers: as near as they come
		}
		for i := range dx {
			dx[i] = weight[i] * (floats.Dot(dy, p.row(i)) - r[i])
			dz[i] = -z[i] * (1 + dx[i]/x[i])
			dw[i] = -w[i] * (1 - dx[i]/s[i])
		}
		fp, fd := stepLengths(x, s, z, w, dx, dz, dw)
		if min(fp, fd) < 1 { // Mehrotra's corrector
			g := 0.0
			for i := range x {
				g += (z[i]+fd*dz[i])*(x[i]+fp*dx[i]) + (w[i]+fd*dw[i])*(s[i]-fp*dx[i])
			}
			mu := gap * math.Pow(g/gap, 3) / (2 * float64(n))
			for i := range r {
				xz, sw := dx[i]*dz[i]/x[i], -dx[i]*dw[i]/s[i]
				r[i] += xz - sw - mu*(1/x[i]-1/s[i])
			}
			if dy, err = p.least(weight, r); err != nil {
				return y, nil
			}
			for i := range dx {
				xz, sw := dx[i]*dz[i], -dx[i]*dw[i]
				dx[i] = weight[i] * (floats.Dot(dy, p.row(i)) - r[i])
				dz[i] = (mu-z[i]*dx[i]-xz)/x[i] - z[i]
				dw[i] = (mu+w[i]*dx[i]-sw)/s[i] - w[i]
			}
			fp, fd = stepLengths(x, s, z, w, dx, dz, dw)
		}
		for i := range x {
			x[i] += fp * dx[i]
			s[i] -= fp * dx[i]
			z[i] += fd * dz[i]
			w[i] += fd * dw[i]
		}
		floats.AddScaled(y, fd, dy)
	}
	return y, nil
}

// stepLengths are how far one may go and stay inside, for the primal and the dual.
func stepLengths(x, s, z, w, dx, dz, dw []float64) (primal, dual float64) {
	const within = 0.9995
	primal, dual = 1/within, 1/within
	for i := range x {
		if dx[i] < 0 {
			primal = min(primal, -x[i]/dx[i])
		} else if dx[i] > 0 {
			primal = min(primal, s[i]/dx[i])
		}
		if dz[i] < 0 {
			dual = min(dual, -z[i]/dz[i])
		}
		if dw[i] < 0 {
			dual = min(dual, -w[i]/dw[i])
		}
	}
	return within * primal, within * dual
}
