package figure

import (
	"fmt"
	"image/color"
	"slices"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Bar is one bar of a Stack: shares that sum to 1.
type Bar struct {
	Name   string
	Shares []float64
	Why    string // there are no shares, and why
}

// Stack is a figure of shares of a whole, one bar for each row.
type Stack struct {
	Title string
	Parts []string
	Bars  []Bar
	Notes []string
	Width vg.Length
}

// partColours are ten that can be told apart, light and dark in turn, so that
// neighbours differ in grey, too (after Tol 2021).
var partColours = []color.NRGBA{
	{51, 34, 136, 255}, {136, 204, 238, 255}, {17, 119, 51, 255}, {221, 204, 119, 255}, {136, 34, 85, 255},
	{204, 102, 119, 255}, {68, 170, 153, 255}, {240, 228, 66, 255}, {102, 102, 102, 255}, {200, 200, 200, 255},
}

// Draw draws the figure.
func (s *Stack) Draw() *Figure {
	width := s.Width
	if width == 0 {
		width = PageWidth
	}
	const line = 13.0
	notes := slices.Clone(s.Notes)
	words := s.Title + "."
	for _, b := range s.Bars {
		if b.Why != "" {
			notes = append(notes, b.Name+": "+b.Why)
		}
		words += "\n" + b.Name + ":"
		for i, v := range b.Shares {
			words += fmt.Sprintf(" %s %.1f %%", s.Parts[i], 100*v)
		}
	}
	height := vg.Points(line*float64(len(s.Bars)) + 62 + 7.2*float64(len(notes)+2))
	return &Figure{Width: width, Height: height, Text: words, draw: func(c draw.Canvas) {
		body := below(c, notes)
		handler := newPlot("", "", "").Title.TextStyle.Handler
		title := text.Style{Font: sans(8.5), Color: color.Black, Handler: handler, XAlign: text.XCenter, YAlign: text.YTop}
		c.FillText(title, vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: c.Max.Y - vg.Points(3)}, s.Title)
		style := text.Style{Font: sans(7), Color: color.Black, Handler: handler, YAlign: text.YCenter}
		left := vg.Length(0)
		for _, b := range s.Bars {
			left = max(left, style.Width(b.Name))
		}
		from, to := c.Min.X+left+vg.Points(12), c.Max.X-vg.Points(12)
		top := c.Max.Y - vg.Points(18)
		for i, b := range s.Bars {
			y := top - vg.Points(line*float64(i)+line/2)
			right := style
			right.XAlign = text.XRight
			c.FillText(right, vg.Point{X: from - vg.Points(4), Y: y}, b.Name)
			x := from
			for p, v := range b.Shares {
				w := vg.Length(v) * (to - from)
				if w <= 0 {
					continue
				}
				h := vg.Points(line/2 - 1.5)
				c.FillPolygon(partColours[p%len(partColours)], []vg.Point{{X: x, Y: y - h}, {X: x + w, Y: y - h}, {X: x + w, Y: y + h}, {X: x, Y: y + h}})
				x += w
			}
		}
		s.legend(c, style, body.Min.Y+vg.Points(22))
	}}
}

// legend names the parts below the bars, in two rows.
func (s *Stack) legend(c draw.Canvas, style text.Style, y vg.Length) {
	x := c.Min.X + vg.Points(8)
	for i, p := range s.Parts {
		w := style.Width(p) + vg.Points(22)
		if x+w > c.Max.X-vg.Points(4) {
			x, y = c.Min.X+vg.Points(8), y-vg.Points(10)
		}
		c.FillPolygon(partColours[i%len(partColours)], []vg.Point{{X: x, Y: y - vg.Points(3)}, {X: x + vg.Points(9), Y: y - vg.Points(3)}, {X: x + vg.Points(9), Y: y + vg.Points(3)}, {X: x, Y: y + vg.Points(3)}})
		c.FillText(style, vg.Point{X: x + vg.Points(12), Y: y}, p)
		x += w
	}
}
