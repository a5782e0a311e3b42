package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
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
	notes := slices.Clone(f.Notes)
	lo, hi := math.Inf(1), 0.0
	var series []Series
	for _, r := range f.Rows {
		if r.Why != "" || !(r.Value > 0) || math.IsInf(r.Value, 0) {
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
	height := vg.Points(line*float64(len(f.Rows))+48) + vg.Points(7.2*float64(len(notes)+1))
	if len(series) == 0 {
		return empty(f.Title, append(notes, "nothing to draw"), width, height)
	}
	p := newPlot(f.Title, f.X, "")
	p.HideY()
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logTicks{}
	p.X.Min, p.X.Max = lo/1.15, hi*1.35
	p.Y.Min, p.Y.Max = -0.6, float64(len(f.Rows))-0.4
	return &Figure{Width: width, Height: height, Text: describe(f.Title, "step", f.X, series, notes), draw: func(c draw.Canvas) {
		body := below(c, notes)
		style := text.Style{Font: sans(7), Color: color.Black, Handler: p.Title.TextStyle.Handler, XAlign: text.XRight, YAlign: text.YCenter}
		left := vg.Length(0)
		for _, r := range f.Rows {
			left = max(left, style.Width(r.Name))
		}
		body = draw.Crop(body, left+vg.Points(10), -vg.Points(10), 0, -vg.Points(2))
		grid(p, body)
		p.Draw(body)
		area := p.DataCanvas(body)
		tx, ty := p.Transforms(&area)
		before := math.NaN()
		for i, r := range f.Rows {
			y := ty(float64(len(f.Rows) - 1 - i))
			style.XAlign = text.XRight
			c.FillText(style, vg.Point{X: area.Min.X - vg.Points(6), Y: y}, r.Name)
			if r.Why != "" || !(r.Value > 0) || math.IsInf(r.Value, 0) {
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
			if r.Lo > 0 && !math.IsNaN(r.Hi) {
				c.StrokeLine2(draw.LineStyle{Color: clr, Width: vg.Points(1.1)}, tx(r.Lo), y, tx(r.Hi), y)
				right = max(right, tx(r.Hi))
			}
			c.DrawGlyph(draw.GlyphStyle{Color: clr, Radius: vg.Points(2.2), Shape: draw.CircleGlyph{}}, vg.Point{X: x, Y: y})
			style.XAlign = text.XLeft
			c.FillText(style, vg.Point{X: right + vg.Points(5), Y: y}, label)
			before = r.Value
		}
	}}
}
