// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"image/color"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Forest is a figure of ratios with their intervals, one row each, on a
// logarithmic axis with a line at 1.
type Forest struct {
	Title, X string
	Rows     []Estimate
	Margin   float64 // a band of equivalence from 1/(1+Margin) to 1+Margin; 0: none
	Notes    []string
	Width    vg.Length
}

// Draw draws the figure.
func (f *Forest) Draw() *Figure {
	width := f.Width
	if width == 0 {
		width = ColumnWidth
	}
	const line = 11.0
	e := newEstimates(f.Rows, f.Notes, 1, 1)
	height := vg.Points(line*float64(len(f.Rows))+52) + vg.Points(7.2*float64(len(e.notes)+2))
	if len(e.series) == 0 {
		return empty(f.Title, append(e.notes, "nothing to draw"), width, height)
	}
	p := e.plot(f.Title, f.X, 1.1, 1.1, 0.5)
	return &Figure{Width: width, Height: height, Text: describe(f.Title, "tier", f.X, e.series, e.notes), draw: func(c draw.Canvas) {
		style := text.Style{Font: sans(7), Handler: p.Title.TextStyle.Handler, XAlign: text.XRight, YAlign: text.YCenter}
		body := e.beside(below(c, e.notes), style)
		p.Draw(body)
		area := p.DataCanvas(body)
		tx, ty := p.Transforms(&area)
		if f.Margin > 0 {
			a, b := tx(1/(1+f.Margin)), tx(1+f.Margin)
			c.FillPolygon(color.Gray{235}, []vg.Point{{X: a, Y: area.Min.Y}, {X: b, Y: area.Min.Y}, {X: b, Y: area.Max.Y}, {X: a, Y: area.Max.Y}})
		}
		c.StrokeLine2(draw.LineStyle{Color: color.Gray{150}, Width: vg.Points(0.6)}, tx(1), area.Min.Y, tx(1), area.Max.Y)
		for i, r := range f.Rows {
			y := ty(float64(len(f.Rows) - 1 - i))
			clr := Colour(r.Boundary)
			style.Color = clr
			c.FillText(style, vg.Point{X: area.Min.X - vg.Points(6), Y: y}, r.Name)
			if r.drawn() {
				r.interval(c, clr, tx, y)
			}
		}
	}}
}
