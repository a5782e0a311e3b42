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

// An Estimate is one row of a Forest.
type Estimate struct {
	Name, Boundary string
	Value, Lo, Hi  float64
	Why            string // there is no value, and why
}

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
	notes := slices.Clone(f.Notes)
	lo, hi := 1.0, 1.0
	var series []Series
	for _, r := range f.Rows {
		if r.Why != "" || math.IsNaN(r.Value) {
			notes = append(notes, r.Name+": "+r.Why)
			continue
		}
		for _, v := range []float64{r.Value, r.Lo, r.Hi} {
			if v > 0 && !math.IsInf(v, 0) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
		series = append(series, Series{Name: r.Name, Points: []Point{{X: 1, Y: r.Value, Lo: r.Lo, Hi: r.Hi}}})
	}
	height := vg.Points(line*float64(len(f.Rows))+52) + vg.Points(7.2*float64(len(notes)+2))
	if len(series) == 0 {
		return empty(f.Title, append(notes, "nothing to draw"), width, height)
	}
	p := newPlot(f.Title, f.X, "")
	p.HideY()
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logTicks{}
	p.X.Min, p.X.Max = lo/1.1, hi*1.1
	p.Y.Min, p.Y.Max = -0.5, float64(len(f.Rows))-0.5
	return &Figure{Width: width, Height: height, Text: describe(f.Title, "tier", f.X, series, notes), draw: func(c draw.Canvas) {
		body := below(c, notes)
		left := vg.Length(0)
		style := text.Style{Font: sans(7), Handler: p.Title.TextStyle.Handler, XAlign: text.XRight, YAlign: text.YCenter}
		for _, r := range f.Rows {
			left = max(left, style.Width(r.Name))
		}
		body = draw.Crop(body, left+vg.Points(10), -vg.Points(10), 0, -vg.Points(2))
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
			if r.Why != "" || math.IsNaN(r.Value) {
				continue
			}
			if !math.IsNaN(r.Lo) && r.Lo > 0 {
				c.StrokeLine2(draw.LineStyle{Color: clr, Width: vg.Points(1.1)}, tx(r.Lo), y, tx(r.Hi), y)
			}
			c.DrawGlyph(draw.GlyphStyle{Color: clr, Radius: vg.Points(2.2), Shape: draw.CircleGlyph{}}, vg.Point{X: tx(r.Value), Y: y})
		}
	}}
}
