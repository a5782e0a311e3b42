// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"time"

	pdf "codeberg.org/go-pdf/fpdf"
	"golang.org/x/text/encoding/charmap"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Figure is drawn and ready to be rendered.
type Figure struct {
	Width, Height vg.Length
	Text          string // what it shows, for who cannot see it
	draw          func(draw.Canvas)
}

// epoch is the date that every PDF bears: a figure's bytes depend on its data
// alone.
var epoch = time.Unix(0, 0).UTC()

func init() {
	pdf.SetDefaultCreationDate(epoch)
	pdf.SetDefaultModificationDate(epoch)
	pdf.SetDefaultCatalogSort(true)
}

// SVG renders the figure.
func (f *Figure) SVG() ([]byte, error) {
	c := vgsvg.New(f.Width, f.Height)
	f.draw(draw.New(c))
	var b bytes.Buffer
	_, err := c.WriteTo(&b)
	// Where Liberation Sans is not installed, these have the same widths.
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif")), err
}

// PNG renders the figure for screens.
func (f *Figure) PNG() ([]byte, error) {
	c := vgimg.NewWith(vgimg.UseWH(f.Width, f.Height), vgimg.UseDPI(192), vgimg.UseBackgroundColor(color.White))
	f.draw(draw.New(c))
	var b bytes.Buffer
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(&b)
	return b.Bytes(), err
}

// PDF renders the figure for paper.
func (f *Figure) PDF() ([]byte, error) {
	c := vgpdf.New(f.Width, f.Height)
	c.EmbedFonts(true)
	f.draw(draw.New(repaired{c}))
	var b bytes.Buffer
	_, err := c.WriteTo(&b)
	return b.Bytes(), err
}

// Save writes dir/name.svg, .png and .pdf.
func (f *Figure) Save(dir, name string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, form := range []struct {
		ending string
		render func() ([]byte, error)
	}{{"svg", f.SVG}, {"png", f.PNG}, {"pdf", f.PDF}} {
		b, err := form.render()
		if err != nil {
			return fmt.Errorf("figure %s.%s: %w", name, form.ending, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+"."+form.ending), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// repaired works around two defects of gonum/plot v0.17's PDF canvas: it writes
// strings as UTF-8 into a font that is encoded as cp1252, and it darkens
// colours that are partly transparent.
type repaired struct{ *vgpdf.Canvas }

// straight is a colour whose parts are not multiplied by its opacity.
type straight struct{ r, g, b, a uint8 }

func (s straight) RGBA() (r, g, b, a uint32) {
	return uint32(s.r) * 0x101, uint32(s.g) * 0x101, uint32(s.b) * 0x101, uint32(s.a) * 0x101
}

// SetColor implements vg.Canvas.
func (c repaired) SetColor(clr color.Color) {
	if clr == nil {
		clr = color.Black
	}
	n := color.NRGBAModel.Convert(clr).(color.NRGBA)
	c.Canvas.SetColor(straight{n.R, n.G, n.B, n.A})
}

// FillString implements vg.Canvas.
func (c repaired) FillString(f font.Face, at vg.Point, s string) {
	if encoded, err := charmap.Windows1252.NewEncoder().String(s); err == nil {
		s = encoded
	}
	c.Canvas.FillString(f, at, s)
}
