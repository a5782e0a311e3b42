// SPDX-License-Identifier: Apache-2.0

// Package figure draws the study's figures in one house style: two sizes that
// fit a paper's column, colours that the colour-blind tell apart, names at the
// lines themselves, intervals always shown. The boundary is coded by colour,
// the tier by the dashes of its line.
//
// A figure's SVG, PNG and PDF are the same bytes each time.
package figure

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// Sizes of figures.
const (
	ColumnWidth = 8.8 * vg.Centimeter // of a two-column paper
	PageWidth   = 18.0 * vg.Centimeter
)

// Colour of a boundary: Okabe and Ito's palette (2008), which people with any
// kind of colour vision tell apart.
func Colour(boundary string) color.NRGBA {
	switch boundary {
	case "user":
		return color.NRGBA{0, 114, 178, 255} // blue
	case "kernel":
		return color.NRGBA{213, 94, 0, 255} // vermilion
	case "bypass":
		return color.NRGBA{0, 158, 115, 255} // bluish green
	default:
		return color.NRGBA{90, 90, 90, 255}
	}
}

// dashes distinguish the tiers of one boundary apart.
var dashes = [][]vg.Length{
	nil,
	{vg.Points(5), vg.Points(2)},
	{vg.Points(1.2), vg.Points(1.6)},
	{vg.Points(6), vg.Points(1.6), vg.Points(1.2), vg.Points(1.6)},
	{vg.Points(2.5), vg.Points(1.5)},
	{vg.Points(8), vg.Points(3)},
}

func faint(c color.NRGBA) color.NRGBA { c.A = 45; return c }

func sans(size float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
}

// newPlot is an empty plot in the house style.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.Title.TextStyle.Font = sans(8.5)
	p.Title.Padding = vg.Points(4)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = sans(8)
		a.Tick.Label.Font = sans(7)
		a.Tick.Label.Handler = raised{text.Plain{Fonts: font.DefaultCache}}
		a.LineStyle.Width = vg.Points(0.5)
		a.Tick.LineStyle.Width = vg.Points(0.4)
		a.Tick.Length = vg.Points(3)
		a.Padding = 0
	}
	return p
}

// Dashes of the n-th tier of a boundary, in points: line, gap, and so on; none
// for a solid line.
func Dashes(n int) []float64 {
	all := []float64{}
	for _, d := range dashes[n%len(dashes)] {
		all = append(all, d.Points())
	}
	return all
}
