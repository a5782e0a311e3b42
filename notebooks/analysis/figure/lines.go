// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Point is a value with its interval. NaN bounds say that there is no
// interval, and Lines notes it in the figure.
type Point struct{ X, Y, Lo, Hi float64 }

// A Series is one line.
type Series struct {
	Name     string
	Boundary string
	Points   []Point
}

// Lines is a figure of values against a load, a line for each tier.
type Lines struct {
	Title, X, Y string
	LogX, LogY  bool
	Series      []Series
	Notes       []string // below the figure: what a reader must know
	Width       vg.Length
	Height      vg.Length
	Bare        bool // there are no intervals, and the caller notes why
	WholeX      bool // X counts from 0 on a linear axis: only whole numbers are marked
	Continuous  bool // X is measured, too, and not a load that was set
	Bars        bool // intervals as bars, each series a little beside the last: where bands would cover each other
}

// Draw draws the figure. What cannot be drawn (no value, no interval, not
// positive on a logarithmic axis) is named below it, and nothing is left out
// in silence.
func (l *Lines) Draw() *Figure {
	width, height := l.Width, l.Height
	if width == 0 {
		width = ColumnWidth
	}
	if height == 0 {
		height = 6.4 * vg.Centimeter
	}
	p := newPlot(l.Title, l.X, "") // a long label of Y makes gonum/plot leave room above the data
	if l.LogX {
		p.X.Scale = plot.LogScale{}
	}
	if l.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{}
	}
	notes := slices.Clone(l.Notes)
	var ends []label
	var xs []float64
	used := map[string]int{}
	lo, hi := math.Inf(1), math.Inf(-1)
	for i, s := range l.Series {
		c := Colour(s.Boundary)
		points, dropped, bare := l.split(s)
		aside := 1.0
		if l.Bars && l.LogX {
			aside = math.Exp(barsApart * (float64(i) - float64(len(l.Series)-1)/2))
		}
		if dropped > 0 {
			notes = append(notes, fmt.Sprintf("%s: %d of %d points have no value", s.Name, dropped, len(s.Points)))
		}
		if bare > 0 && !l.Bare {
			notes = append(notes, fmt.Sprintf("%s: %d points have no interval (too few runs)", s.Name, bare))
		}
		if len(points) == 0 {
			continue
		}
		band, line := make(plotter.XYs, 0, 2*len(points)), make(plotter.XYs, len(points))
		for i, q := range points {
			line[i] = plotter.XY{X: q.X * aside, Y: q.Y}
			xs = append(xs, q.X)
			lo, hi = min(lo, q.Y, l.positive(q.Lo)), max(hi, q.Y, finite(q.Hi))
			if !math.IsNaN(q.Hi) {
				band = append(band, plotter.XY{X: q.X, Y: q.Hi})
			}
		}
		for _, q := range slices.Backward(points) {
			if !math.IsNaN(q.Lo) {
				band = append(band, plotter.XY{X: q.X, Y: l.floor(q)})
			}
		}
		switch {
		case l.Bars:
			p.Add(bars{points, l, aside, draw.LineStyle{Color: c, Width: vg.Points(0.5)}})
		case len(band) > 2:
			polygon, err := plotter.NewPolygon(band)
			if err == nil {
				polygon.Color, polygon.LineStyle.Width = faint(c), 0
				p.Add(polygon)
			}
		}
		style := draw.LineStyle{Color: c, Width: vg.Points(1.1), Dashes: dashes[used[s.Boundary]%len(dashes)]}
		used[s.Boundary]++
		p.Add(&plotter.Line{XYs: line, LineStyle: style})
		p.Add(&plotter.Scatter{XYs: line, GlyphStyle: draw.GlyphStyle{Color: c, Radius: vg.Points(1.3), Shape: draw.CircleGlyph{}}})
		last := points[len(points)-1]
		ends = append(ends, label{s.Name, last.X * aside, last.Y, c})
	}
	if len(ends) == 0 {
		return empty(l.Title, append(notes, "nothing to draw"), width, height)
	}
	slices.Sort(xs)
	xs = slices.Compact(xs)
	p.X.Min, p.X.Max = xs[0], xs[len(xs)-1]
	if p.X.Min == p.X.Max {
		p.X.Min, p.X.Max = p.X.Min/2, p.X.Max*2
	}
	if l.Bars && l.LogX {
		room := math.Exp(barsApart * float64(len(l.Series)))
		p.X.Min, p.X.Max = p.X.Min/room, p.X.Max*room
	}
	switch {
	case l.LogX && l.Continuous:
		p.X.Tick.Marker = logTicks{}
	case l.LogX:
		p.X.Tick.Marker = at(xs)
	case l.WholeX:
		p.X.Min, p.X.Max = xs[0]-.2, xs[len(xs)-1]+.2
		p.X.Tick.Marker = whole{}
	}
	if l.LogY {
		p.Y.Min, p.Y.Max = lo/1.15, hi*1.15
	} else {
		p.Y.Min, p.Y.Max = min(0, lo), hi*1.05
	}
	text := describe(l.Title, l.X, l.Y, l.Series, notes)
	return &Figure{Width: width, Height: height, Text: text, draw: func(c draw.Canvas) {
		body := below(c, notes)
		room := widest(ends) + vg.Points(8)
		body = draw.Crop(body, vg.Points(12), -room, 0, -vg.Points(2))
		grid(p, body)
		p.Draw(body)
		upright(c, p, l.Y, p.DataCanvas(body))
		name(c, p, p.DataCanvas(body), ends)
	}}
}

// barsApart is how far the bars of one series are from the next one's, in
// natural logarithms.
const barsApart = 0.04

// bars are the intervals of one series as vertical lines.
type bars struct {
	points []Point
	l      *Lines
	aside  float64
	style  draw.LineStyle
}

// Plot implements plot.Plotter.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	for _, q := range b.points {
		if !math.IsNaN(q.Lo) && !math.IsNaN(q.Hi) {
			x := tx(q.X * b.aside)
			c.StrokeLine2(b.style, x, ty(b.l.floor(q)), x, ty(q.Hi))
		}
	}
}

// split parts the points that can be drawn from those that cannot.
func (l *Lines) split(s Series) (points []Point, dropped, bare int) {
	for _, q := range s.Points {
		bad := math.IsNaN(q.Y) || math.IsInf(q.Y, 0) || l.LogY && q.Y <= 0 || l.LogX && q.X <= 0
		switch {
		case bad:
			dropped++
			continue
		case math.IsNaN(q.Lo) || math.IsNaN(q.Hi):
			bare++
		}
		points = append(points, q)
	}
	return points, dropped, bare
}

func (l *Lines) positive(v float64) float64 {
	if math.IsNaN(v) || l.LogY && v <= 0 {
		return math.Inf(1)
	}
	return v
}

func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return math.Inf(-1)
	}
	return v
}

// floor is the lower bound where a logarithmic axis can show it.
func (l *Lines) floor(q Point) float64 {
	if l.LogY && q.Lo <= 0 {
		return q.Y / 10
	}
	return q.Lo
}

// A label is a name that stands at the end of its line.
type label struct {
	name string
	x, y float64
	c    color.NRGBA
}

func widest(labels []label) (w vg.Length) {
	for _, e := range labels {
		width, _, _ := text.Plain{Fonts: plot.New().Title.TextStyle.Handler.(text.Plain).Fonts}.Box(e.name, sans(7))
		w = max(w, width)
	}
	return w
}

// upright writes the label of the Y axis at the left edge, beside the data.
func upright(c draw.Canvas, p *plot.Plot, label string, area draw.Canvas) {
	style := p.Y.Label.TextStyle
	style.Rotation, style.XAlign, style.YAlign = math.Pi/2, text.XCenter, text.YTop
	c.FillText(style, vg.Point{X: c.Min.X + vg.Points(2), Y: (area.Min.Y + area.Max.Y) / 2}, label)
}

// name writes the labels right of the data, apart from each other.
func name(c draw.Canvas, p *plot.Plot, area draw.Canvas, labels []label) {
	tx, ty := p.Transforms(&area)
	type placed struct {
		label
		at vg.Length
	}
	var all []placed
	for _, e := range labels {
		all = append(all, placed{e, ty(e.y)})
	}
	slices.SortStableFunc(all, func(a, b placed) int { return int(math.Copysign(1, float64(a.at-b.at))) })
	const apart = 7.5
	for i := 1; i < len(all); i++ {
		all[i].at = max(all[i].at, all[i-1].at+vg.Points(apart))
	}
	// What was pushed over the top pushes back.
	if over := all[len(all)-1].at - area.Max.Y; over > 0 {
		all[len(all)-1].at -= over
		for i := len(all) - 2; i >= 0; i-- {
			all[i].at = min(all[i].at, all[i+1].at-vg.Points(apart))
		}
	}
	style := p.Legend.TextStyle
	style.Font, style.XAlign, style.YAlign = sans(7), text.XLeft, text.YCenter
	for _, e := range all {
		style.Color = e.c
		end := vg.Point{X: area.Max.X + vg.Points(6), Y: e.at}
		c.StrokeLine2(draw.LineStyle{Color: faint(e.c), Width: vg.Points(0.6)}, tx(e.x)+vg.Points(2), ty(e.y), end.X-vg.Points(1), end.Y)
		c.FillText(style, end, e.name)
	}
}

// grid draws faint lines at the labelled ticks.
func grid(p *plot.Plot, c draw.Canvas) {
	area := p.DataCanvas(c)
	tx, ty := p.Transforms(&area)
	style := draw.LineStyle{Color: color.Gray{225}, Width: vg.Points(0.4)}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if x := tx(t.Value); t.Label != "" && x >= area.Min.X && x <= area.Max.X {
			c.StrokeLine2(style, x, area.Min.Y, x, area.Max.Y)
		}
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if y := ty(t.Value); t.Label != "" && y >= area.Min.Y && y <= area.Max.Y {
			c.StrokeLine2(style, area.Min.X, y, area.Max.X, y)
		}
	}
}

// below writes the notes at the foot of the figure and returns what is left.
func below(c draw.Canvas, notes []string) draw.Canvas {
	style := text.Style{Font: sans(6), Color: color.Gray{90}, Handler: text.Plain{Fonts: plot.New().Title.TextStyle.Handler.(text.Plain).Fonts}, YAlign: text.YBottom}
	var lines []string
	for _, n := range notes {
		lines = append(lines, wrap(n, style, c.Max.X-c.Min.X-vg.Points(6))...)
	}
	const line = 7.2
	for i, s := range lines {
		c.FillText(style, vg.Point{X: c.Min.X + vg.Points(3), Y: c.Min.Y + vg.Points(2+line*float64(len(lines)-1-i))}, s)
	}
	return draw.Crop(c, 0, 0, vg.Points(line*float64(len(lines)))+vg.Points(2), 0)
}

func wrap(s string, style text.Style, width vg.Length) (lines []string) {
	var line string
	for _, word := range strings.Fields(s) {
		next := strings.TrimSpace(line + " " + word)
		if line != "" && style.Width(next) > width {
			lines = append(lines, line)
			next = word
		}
		line = next
	}
	return append(lines, line)
}

// empty is the figure of something that cannot be drawn: with the reason.
func empty(title string, notes []string, width, height vg.Length) *Figure {
	return &Figure{Width: width, Height: height, Text: title + ": " + strings.Join(notes, "; "), draw: func(c draw.Canvas) {
		below(c, append([]string{title}, notes...))
	}}
}

// describe is the figure as text, for readers who cannot see it.
func describe(title, x, y string, series []Series, notes []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s against %s.", title, y, x)
	for _, s := range series {
		fmt.Fprintf(&b, "\n%s:", s.Name)
		for _, q := range s.Points {
			fmt.Fprintf(&b, " %.4g→%.4g", q.X, q.Y)
		}
	}
	for _, n := range notes {
		fmt.Fprintf(&b, "\nNote: %s", n)
	}
	return b.String()
}
