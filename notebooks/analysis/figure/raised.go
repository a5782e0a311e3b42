// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"math"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// raised typesets "10^-5" with a raised exponent. The fonts at hand have no
// glyph for the superscript minus sign, so Unicode's own exponents would lose
// it: 10⁻⁵ would be shown as 10⁵.
type raised struct{ text.Plain }

func split(s string) (base, exponent string) {
	base, exponent, _ = strings.Cut(s, "^")
	return base, strings.Replace(exponent, "-", "–", 1)
}

func smaller(f font.Font) font.Font { f.Size *= 0.72; return f }

// lift is how far an exponent is raised, in heights of the font.
const lift = 0.38

// Box implements text.Handler.
func (r raised) Box(s string, f font.Font) (width, height, depth vg.Length) {
	base, exponent := split(s)
	width, height, depth = r.Plain.Box(base, f)
	if exponent != "" {
		w, h, _ := r.Plain.Box(exponent, smaller(f))
		width += w
		height = max(height, f.Size*lift+h)
	}
	return width, height, depth
}

// Draw implements text.Handler.
func (r raised) Draw(c vg.Canvas, s string, style text.Style, at vg.Point) {
	base, exponent := split(s)
	if exponent == "" || style.Rotation != 0 {
		r.Plain.Draw(c, s, style, at)
		return
	}
	whole, _, _ := r.Box(s, style.Font)
	width, height, _ := r.Plain.Box(base, style.Font)
	x := at.X + whole*vg.Length(style.XAlign)
	y := at.Y + height*vg.Length(style.YAlign)
	if math.IsNaN(float64(x)) || math.IsNaN(float64(y)) {
		return
	}
	c.SetColor(style.Color)
	c.FillString(r.Fonts.Lookup(style.Font, style.Font.Size), vg.Point{X: x, Y: y}, base)
	small := smaller(style.Font)
	c.FillString(r.Fonts.Lookup(small, small.Size), vg.Point{X: x + width, Y: y + style.Font.Size*lift}, exponent)
}
