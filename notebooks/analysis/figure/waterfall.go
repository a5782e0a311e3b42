// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Waterfall is a figure of a quantity as causes are removed one by one: each
// row's bar goes from the value before to the value after. The axis is
// logarithmic, so that a bar's length is a factor.
type Waterfall struct {
	Title, X string
	Rows     []Estimate // the first is where it begins
	Notes    []string
	Width    vg.Length
}

// Draw draws the figure. A row without a value is named below, and the next bar
// begins where the last one ended.
func (f *Waterfall) Draw() *Figure {
	width := f.Width
	if width == 0 {
		width = PageWidth
	}
	const line = 14.0
	e := newEstimates(f.Rows, f.Notes, math.Inf(1), 0)
	height := vg.Points(line*float64(len(f.Rows))+48) + vg.Points(7.2*float64(len(e.notes)+1))
	if len(e.series) == 0 {
		return empty(f.Title, append(e.notes, "nothing to draw"), width, height)
	}
	p := e.plot(f.Title, f.X, 1.15, 1.35, 0.6)
	return &Figure{Width: width, Height: height, Text: describe(f.Title, "step", f.X, e.series, e.notes), draw: func(c draw.Canvas) {
		style := text.Style{Font: sans(7), Color: color.Black, Handler: p.Title.TextStyle.Handler, XAlign: text.XRight, YAlign: text.YCenter}
		body := e.beside(below(c, e.notes), style)
		grid(p, body)
		p.Draw(body)
		area := p.DataCanvas(body)
		tx, ty := p.Transforms(&area)
		before := math.NaN()
		for i, r := range f.Rows {
			y := ty(float64(len(f.Rows) - 1 - i))
			style.XAlign = text.XRight
			c.FillText(style, vg.Point{X: area.Min.X - vg.Points(6), Y: y}, r.Name)
			if !r.drawn() {
				continue
			}
			x, clr := tx(r.Value), Colour("user")
			if r.Value > before {
				clr = Colour("kernel")
			}
			label := fmt.Sprintf("%.3g", r.Value)
			right := x
			if !math.IsNaN(before) {
				from := tx(before)
				h := vg.Points(4)
				c.FillPolygon(faint(clr), []vg.Point{{X: from, Y: y - h}, {X: x, Y: y - h}, {X: x, Y: y + h}, {X: from, Y: y + h}})
				c.StrokeLine2(draw.LineStyle{Color: color.Gray{150}, Width: vg.Points(0.4)}, from, y+vg.Points(line), from, y-h)
				label += fmt.Sprintf("  (×%.2g)", r.Value/before)
				right = max(right, from)
			}
			right = max(right, r.interval(c, clr, tx, y))
			style.XAlign = text.XLeft
			c.FillText(style, vg.Point{X: right + vg.Points(5), Y: y}, label)
			before = r.Value
		}
	}}
}
