// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func sample() *Lines {
	return &Lines{
		Title: "Mean latency (µs)", X: "Connections", Y: "Latency (µs)", LogX: true, LogY: true,
		Series: []Series{
			{"nginx", "user", []Point{{1, 20, 18, 22}, {4, 50, 45, 60}, {64, 700, 600, 800}}},
			{"khttpd", "kernel", []Point{{1, 25, 18, 32}, {4, 1e-5, 1e-6, 1e-4}, {64, 710, 600, 800}}},
			{"dpdk", "bypass", []Point{{1, 5, 4, 6}, {4, 9, 8, 10}, {64, 100, 90, 110}}},
		},
		Notes: []string{"a note that is long enough to be wrapped onto a second line, since it says a lot about the data"},
	}
}

func renders(t *testing.T, f *Figure) [3][]byte {
	t.Helper()
	var all [3][]byte
	for i, render := range []func() ([]byte, error){f.SVG, f.PNG, f.PDF} {
		b, err := render()
		if err != nil {
			t.Fatal(err)
		}
		if len(b) < 200 {
			t.Fatalf("form %d has %d bytes", i, len(b))
		}
		all[i] = b
	}
	return all
}

func TestSameBytesEachTime(t *testing.T) {
	for name, draw := range map[string]func() *Figure{
		"lines":  func() *Figure { return sample().Draw() },
		"bars":   func() *Figure { l := sample(); l.Bars = true; return l.Draw() },
		"forest": func() *Figure { return forest().Draw() },
		"stack":  func() *Figure { return stack().Draw() },
	} {
		a, b := renders(t, draw()), renders(t, draw())
		for i := range a {
			if !bytes.Equal(a[i], b[i]) {
				t.Errorf("%s: form %d differs from one time to the next", name, i)
			}
		}
	}
}

func forest() *Forest {
	return &Forest{Title: "Ratios", X: "Ratio", Margin: 0.1, Rows: []Estimate{
		{"a to b", "user", 0.5, 0.4, 0.6, ""},
		{"b to c", "bypass", math.NaN(), math.NaN(), math.NaN(), "too few blocks"},
	}}
}

func stack() *Stack {
	return &Stack{Title: "Shares", Panels: []string{"middle", "tail"}, Parts: []string{"wire", "server"}, Rows: []Row{
		{Group: "nginx", Name: "16", Bars: []Bar{{Shares: []float64{.3, .7}, Label: "1 ms"}, {Shares: []float64{1, 0}}}},
		{Group: "flask", Name: "1", Bars: []Bar{{Why: "not traced"}, {Why: "not traced"}}},
	}}
}

// TestNothingIsDroppedInSilence: what cannot be drawn is named.
func TestNothingIsDroppedInSilence(t *testing.T) {
	for _, c := range []struct {
		name   string
		points []Point
		want   string
	}{
		{"NaN", []Point{{1, math.NaN(), 1, 1}, {2, 5, 4, 6}}, "x: 1 of 2 points have no value"},
		{"infinite", []Point{{1, math.Inf(1), 1, 1}, {2, 5, 4, 6}}, "x: 1 of 2 points have no value"},
		{"zero on a logarithmic axis", []Point{{1, 0, 0, 0}, {2, 5, 4, 6}}, "x: 1 of 2 points have no value"},
		{"no interval", []Point{{1, 5, math.NaN(), math.NaN()}, {2, 5, 4, 6}}, "x: 1 points have no interval"},
		{"one point", []Point{{1, 5, 4, 6}}, ""},
		{"all equal", []Point{{1, 5, 5, 5}, {2, 5, 5, 5}}, ""},
		{"zero rows", nil, "nothing to draw"},
	} {
		l := Lines{Title: "t", X: "x", Y: "y", LogX: true, LogY: true, Series: []Series{{"x", "user", c.points}}}
		f := l.Draw()
		if !strings.Contains(f.Text, c.want) {
			t.Errorf("%s: %q does not say %q", c.name, f.Text, c.want)
		}
		renders(t, f)
	}
	if f := forest().Draw(); !strings.Contains(f.Text, "b to c: too few blocks") {
		t.Error(f.Text)
	}
}

// TestMinusOfExponents: a superscript minus that the font lacks would turn
// 10^-5 into 10^5.
func TestMinusOfExponents(t *testing.T) {
	for _, c := range []struct {
		value float64
		want  string
	}{{1e-5, "10^-5"}, {1, "1"}, {1000, "1000"}, {1e6, "10^6"}, {0.01, "0.01"}} {
		e := math.Round(math.Log10(c.value))
		if got := power(1, e); got != c.want {
			t.Errorf("%v is labelled %q, want %q", c.value, got, c.want)
		}
	}
	base, exponent := split("10^-5")
	if base != "10" || exponent != "–5" {
		t.Errorf("%q %q", base, exponent)
	}
}
