// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// An Estimate is one row of a Forest or a Waterfall.
type Estimate struct {
	Name, Boundary string
	Value, Lo, Hi  float64
	Why            string // there is no value, and why
}

// drawn reports whether a logarithmic axis can show the estimate.
func (e *Estimate) drawn() bool { return e.Why == "" && e.Value > 0 && !math.IsInf(e.Value, 0) }

// interval draws the estimate's interval, if it has one, and the estimate on it,
// and returns where they end.
func (e *Estimate) interval(c draw.Canvas, clr color.Color, x func(float64) vg.Length, y vg.Length) (right vg.Length) {
	right = x(e.Value)
	if e.Lo > 0 && !math.IsNaN(e.Hi) {
		c.StrokeLine2(draw.LineStyle{Color: clr, Width: vg.Points(1.1)}, x(e.Lo), y, x(e.Hi), y)
		right = max(right, x(e.Hi))
	}
	c.DrawGlyph(draw.GlyphStyle{Color: clr, Radius: vg.Points(2.2), Shape: draw.CircleGlyph{}}, vg.Point{X: x(e.Value), Y: y})
	return right
}

// estimates is the part shared by figures with one row per estimate.
type estimates struct {
	rows   []Estimate
	series []Series // of the rows that are drawn
	notes  []string // with why the others are not
	lo, hi float64  // of the values and intervals, and of what was given
}

func newEstimates(rows []Estimate, notes []string, lo, hi float64) *estimates {
	e := &estimates{rows: rows, notes: slices.Clone(notes), lo: lo, hi: hi}
	for _, r := range rows {
		if !r.drawn() {
			e.notes = append(e.notes, r.Name+": "+r.Why)
			continue
		}
		for _, v := range []float64{r.Value, r.Lo, r.Hi} {
			if v > 0 && !math.IsInf(v, 0) {
				e.lo, e.hi = min(e.lo, v), max(e.hi, v)
			}
		}
		e.series = append(e.series, Series{Name: r.Name, Points: []Point{{X: 1, Y: r.Value, Lo: r.Lo, Hi: r.Hi}}})
	}
	return e
}

// plot is the empty plot: a logarithmic axis that leaves some room at its ends,
// and a line for each row.
func (e *estimates) plot(title, x string, before, behind, margin float64) *plot.Plot {
	p := newPlot(title, x, "")
	p.HideY()
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logTicks{}
	p.X.Min, p.X.Max = e.lo/before, e.hi*behind
	p.Y.Min, p.Y.Max = -margin, float64(len(e.rows)-1)+margin
	return p
}

// beside leaves room for the rows' names.
func (e *estimates) beside(body draw.Canvas, style text.Style) draw.Canvas {
	left := vg.Length(0)
	for _, r := range e.rows {
		left = max(left, style.Width(r.Name))
	}
	return draw.Crop(body, left+vg.Points(10), -vg.Points(10), 0, -vg.Points(2))
}
