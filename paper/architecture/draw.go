// SPDX-License-Identifier: Apache-2.0

// Package architecture draws the project's rooms: who imports whom, from the
// table that the imports are tested against, and which way data flows.
package architecture

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// A Room is a part of the project and what it may import, by their folders; one
// that every package may import has no arrows.
type Room struct {
	Folder  string
	Imports []string
}

// place is where a room stands, as column and row, and what it holds in words.
type place struct {
	folder   string
	col, row float64
	holds    string
}

var places = []place{
	{"servers/user", 0, 0, "nginx, Apache, Flask, Go"},
	{"servers/kernel", 1, 0, "our module, BPF"},
	{"servers/bypass", 2, 0, "our TCP/IP on DPDK"},
	{"harness", 3, 0, "testbeds, load, sweep"},
	{"notebooks", 4, 0, "questions, figures"},
	{"paper", 5, 0, "claims, text, report"},
	{"servers/nethttp", 0, 2, "HTTP by Go"},
	{"servers/http1", 1, 2, "HTTP of our own"},
	{"servers/checksum", 2, 2, "ones' complement sums"},
	{"servers/site", 2.6, 1, "the contract"},
	{"servers/conformance", 3.6, 1, "the contract's tests"},
	{"notebooks/stats", 4, 2, "statistics"},
	{"data/dataset", 4.62, 1, "read, write, verify"},
	{"data", 5, 2, "datasets, commands"},
	{"servers/clientrow", 3, 2, "a DPDK client's rows"},
	{"internal", 5, 2.8, "what every program needs"},
}

// Sizes in pixels.
const (
	width, height   = 1016, 482
	boxW, boxH      = 152, 46
	stepX, stepY    = 166, 124
	left, top       = 18, 76
	bus             = 40 // the wire between load and servers
	importColour    = "#8a8f98"
	flowColour      = "#0072b2" // of Okabe and Ito's palette, as in the figures
	headLen, headSp = 9, 4
)

func (p place) x() float64      { return left + p.col*stepX }
func (p place) y() float64      { return top + p.row*stepY }
func (p place) middle() float64 { return p.x() + boxW/2 }

func find(folder string) (place, bool) {
	for _, p := range places {
		if p.folder == folder {
			return p, true
		}
	}
	return place{}, false
}

// Draw returns the picture as SVG. A room without a place, or a place without
// a room, is an error.
func Draw(rooms []Room) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<title>The parts of the project and what they may import</title>`+"\n"+`<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	known := map[string]bool{}
	for _, r := range rooms {
		from, ok := find(r.Folder)
		if !ok {
			return nil, fmt.Errorf("room %s has no place in the picture", r.Folder)
		}
		known[r.Folder] = true
		for _, i := range r.Imports {
			to, ok := find(i)
			if !ok {
				return nil, fmt.Errorf("%s, which %s imports, has no place in the picture", i, r.Folder)
			}
			known[i] = true
			if to.folder != from.folder {
				connect(&b, from, to, importColour, 1.2, -10)
			}
		}
	}
	for _, p := range places {
		if !known[p.folder] {
			return nil, fmt.Errorf("%s has a place in the picture and is no room", p.folder)
		}
	}
	wire(&b)
	for _, f := range [][2]string{{"harness", "data/dataset"}, {"data/dataset", "notebooks"}, {"data/dataset", "paper"}, {"notebooks", "paper"}} {
		from, _ := find(f[0])
		to, _ := find(f[1])
		connect(&b, from, to, flowColour, 2.6, 10)
	}
	for _, p := range places {
		fmt.Fprintf(&b, `<rect x="%g" y="%g" width="%d" height="%d" rx="5" fill="#f4f6f8" stroke="#333"/>`+"\n", p.x(), p.y(), boxW, boxH)
		fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="middle" font-weight="bold">%s</text>`+"\n", p.middle(), p.y()+19, html.EscapeString(p.folder))
		fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="middle" font-size="11">%s</text>`+"\n", p.middle(), p.y()+36, html.EscapeString(p.holds))
	}
	legend(&b)
	b.WriteString("</svg>\n")
	return b.Bytes(), nil
}

// connect draws an arrow between two boxes, moved to one side, so that two of
// opposite directions lie beside each other.
func connect(b *bytes.Buffer, from, to place, colour string, thick, aside float64) {
	if from.row == to.row {
		y := from.y() + boxH/2 + aside
		x1, x2 := from.x()+boxW, to.x()
		if from.col > to.col {
			x1, x2 = from.x(), to.x()+boxW
		}
		arrow(b, x1, y, x2, y, colour, thick)
		return
	}
	y1, y2 := from.y()+boxH, to.y()
	if from.row > to.row {
		y1, y2 = from.y(), to.y()+boxH
	}
	// An end leans towards where the other is, so that many do not share a point.
	lean := math.Max(-boxW/2+16, math.Min(boxW/2-16, (to.middle()-from.middle())/6))
	arrow(b, from.middle()+lean+aside, y1, to.middle()-lean+aside, y2, colour, thick)
}

func arrow(b *bytes.Buffer, x1, y1, x2, y2 float64, colour string, thick float64) {
	l := math.Hypot(x2-x1, y2-y1)
	ux, uy := (x2-x1)/l, (y2-y1)/l
	h, s := headLen*math.Sqrt(thick/1.2), headSp*math.Sqrt(thick/1.2)
	bx, by := x2-ux*h, y2-uy*h
	fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%g"/>`+"\n", x1, y1, bx, by, colour, thick)
	fmt.Fprintf(b, `<polygon points="%.1f,%.1f %.1f,%.1f %.1f,%.1f" fill="%s"/>`+"\n", x2, y2, bx-uy*s, by+ux*s, bx+uy*s, by-ux*s, colour)
}

// wire draws the way of requests: from the harness to the servers and back.
func wire(b *bytes.Buffer) {
	h, _ := find("harness")
	u, _ := find("servers/user")
	fmt.Fprintf(b, `<path d="M%g %d V%d H%g" fill="none" stroke="%s" stroke-width="2.6"/>`+"\n", h.middle(), top, bus, u.middle(), flowColour)
	for _, name := range []string{"servers/user", "servers/kernel", "servers/bypass"} {
		p, _ := find(name)
		arrow(b, p.middle(), bus, p.middle(), top, flowColour, 2.6)
	}
	fmt.Fprintf(b, `<text x="%g" y="%d" fill="%s">HTTP over a testbed's wire: tiers are processes that the harness starts</text>`+"\n", u.middle()+8, bus-10, flowColour)
}

func legend(b *bytes.Buffer) {
	const x, y = 40, 392
	arrow(b, x, y-4, x+44, y-4, flowColour, 2.6)
	fmt.Fprintf(b, `<text x="%d" y="%d">data flows</text>`+"\n", x+54, y)
	arrow(b, x+190, y-4, x+234, y-4, importColour, 1.2)
	fmt.Fprintf(b, `<text x="%d" y="%d">may import (tested)</text>`+"\n", x+244, y)
}
