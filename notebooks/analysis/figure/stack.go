// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"fmt"
	"image/color"
	"slices"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Bar is shares that sum to 1, with a label behind it.
type Bar struct {
	Shares []float64
	Label  string
	Why    string // there are no shares, and why
}

// A Row of a Stack is one bar in each of its panels.
type Row struct {
	Group  string // named once, at its first row
	Name   string
	Colour color.NRGBA
	Bars   []Bar
}

// Stack is a figure of shares of a whole: panels side by side, a bar of each in
// every row.
type Stack struct {
	Title  string
	Panels []string
	Parts  []string
	Rows   []Row
	Notes  []string
	Width  vg.Length
}

// partColours are ten that can be told apart, light and dark in turn, so that
// neighbours differ in grey, too (after Tol 2021).
var partColours = []color.NRGBA{
	{51, 34, 136, 255}, {136, 204, 238, 255}, {17, 119, 51, 255}, {221, 204, 119, 255}, {136, 34, 85, 255},
	{204, 102, 119, 255}, {68, 170, 153, 255}, {240, 228, 66, 255}, {102, 102, 102, 255}, {200, 200, 200, 255},
}

const (
	rowHeight = 9.5 // points
	groupGap  = 3.5
)

// Draw draws the figure.
func (s *Stack) Draw() *Figure {
	width := s.Width
	if width == 0 {
		width = PageWidth
	}
	notes := slices.Clone(s.Notes)
	words := s.Title + "."
	tall := 0.0
	for i, r := range s.Rows {
		tall += rowHeight
		if i > 0 && r.Group != s.Rows[i-1].Group {
			tall += groupGap
		}
		for p, b := range r.Bars {
			words += fmt.Sprintf("\n%s %s, %s, %s:", r.Group, r.Name, s.Panels[p], b.Label)
			if b.Why != "" {
				words += " " + b.Why
			}
			for i, v := range b.Shares {
				if v == 0 { // not drawn either
					continue
				}
				words += fmt.Sprintf(" %s %.1f %%", s.Parts[i], 100*v)
			}
		}
	}
	for _, n := range notes {
		words += "\nNote: " + n
	}
	height := vg.Points(tall + 70 + 7.2*float64(len(notes)+1))
	return &Figure{Width: width, Height: height, Text: words, draw: func(c draw.Canvas) {
		body := below(c, notes)
		handler := newPlot("", "", "").Title.TextStyle.Handler
		title := text.Style{Font: sans(8.5), Color: color.Black, Handler: handler, XAlign: text.XCenter, YAlign: text.YTop}
		c.FillText(title, vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: c.Max.Y - vg.Points(3)}, s.Title)
		style := text.Style{Font: sans(7), Color: color.Black, Handler: handler, YAlign: text.YCenter}
		s.rows(c, style)
		s.legend(c, style, body.Min.Y+vg.Points(26))
	}}
}

func (s *Stack) rows(c draw.Canvas, style text.Style) {
	group, name, label := vg.Length(0), vg.Length(0), vg.Length(0)
	for _, r := range s.Rows {
		group, name = max(group, style.Width(r.Group)), max(name, style.Width(r.Name))
		for _, b := range r.Bars {
			label = max(label, style.Width(b.Label))
		}
	}
	left := c.Min.X + vg.Points(4) + group + vg.Points(4) + name + vg.Points(5)
	panel := (c.Max.X - vg.Points(4) - left) / vg.Length(max(1, len(s.Panels)))
	bar := panel - label - vg.Points(9)
	right := style
	right.XAlign = text.XRight
	y := c.Max.Y - vg.Points(20)
	for p, title := range s.Panels {
		c.FillText(style, vg.Point{X: left + vg.Length(p)*panel, Y: y}, title)
	}
	y -= vg.Points(11)
	for i, r := range s.Rows {
		coloured, numbered := style, right
		coloured.Color, numbered.Color = r.Colour, r.Colour
		if i == 0 || r.Group != s.Rows[i-1].Group {
			if i > 0 {
				y -= vg.Points(groupGap)
			}
			c.FillText(coloured, vg.Point{X: c.Min.X + vg.Points(4), Y: y}, r.Group)
		}
		c.FillText(numbered, vg.Point{X: left - vg.Points(5), Y: y}, r.Name)
		for p, b := range r.Bars {
			x := left + vg.Length(p)*panel
			if b.Why != "" {
				grey := style
				grey.Color = color.Gray{120}
				c.FillText(grey, vg.Point{X: x, Y: y}, b.Why)
				continue
			}
			for i, v := range b.Shares {
				w, h := vg.Length(v)*bar, vg.Points(rowHeight/2-1)
				if w <= 0 {
					continue
				}
				c.FillPolygon(partColours[i%len(partColours)], []vg.Point{{X: x, Y: y - h}, {X: x + w, Y: y - h}, {X: x + w, Y: y + h}, {X: x, Y: y + h}})
				x += w
			}
			c.FillText(right, vg.Point{X: left + vg.Length(p+1)*panel - vg.Points(5), Y: y}, b.Label)
		}
		y -= vg.Points(rowHeight)
	}
}

// legend names the parts below the bars, in as many rows as it takes.
func (s *Stack) legend(c draw.Canvas, style text.Style, y vg.Length) {
	x := c.Min.X + vg.Points(4)
	for i, p := range s.Parts {
		w := style.Width(p) + vg.Points(22)
		if x+w > c.Max.X-vg.Points(4) {
			x, y = c.Min.X+vg.Points(4), y-vg.Points(10)
		}
		c.FillPolygon(partColours[i%len(partColours)], []vg.Point{{X: x, Y: y - vg.Points(3)}, {X: x + vg.Points(9), Y: y - vg.Points(3)}, {X: x + vg.Points(9), Y: y + vg.Points(3)}, {X: x, Y: y + vg.Points(3)}})
		c.FillText(style, vg.Point{X: x + vg.Points(12), Y: y}, p)
		x += w
	}
}
