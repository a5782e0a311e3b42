// SPDX-License-Identifier: Apache-2.0

package show

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crossing/notebooks/analysis/figure"
)

// printed is what f writes to the standard output, as it does outside of a
// notebook.
func printed(t *testing.T, f func() error) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdout
	os.Stdout = w
	failed := f()
	os.Stdout = old
	w.Close()
	b, err := io.ReadAll(r)
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return string(b)
}

func TestSay(t *testing.T) {
	for _, c := range []struct {
		format string
		arg    []any
		want   string
	}{
		{"over 1 % of the time", nil, "over 1 % of the time\n"},
		{"%d of %d", []any{3, 4}, "3 of 4\n"},
		{"%s", []any{"5 % more"}, "5 % more\n"},
	} {
		if got := printed(t, func() error { return Say(c.format, c.arg...) }); got != c.want {
			t.Errorf("%q %v: %q", c.format, c.arg, got)
		}
	}
}

// TestSaved: a figure is saved in three forms, a table as CSV with what CSV must
// quote, into a folder that need not be there.
func TestSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	t.Setenv(FiguresEnv, dir)
	text := printed(t, func() error { return Table("t", []string{"tier", "value"}, [][]string{{"a,b", "1 \"x\""}}) })
	if !strings.Contains(text, "tier") || !strings.Contains(text, "a,b") {
		t.Errorf("%q", text)
	}
	b, err := os.ReadFile(filepath.Join(dir, "t.csv"))
	if err != nil || string(b) != "tier,value\n\"a,b\",\"1 \"\"x\"\"\"\n" {
		t.Errorf("%q (%v)", b, err)
	}
	l := figure.Lines{Title: "made", X: "x", Y: "y", Series: []figure.Series{{Name: "s", Boundary: "user", Points: []figure.Point{{X: 1, Y: 2, Lo: 1, Hi: 3}, {X: 2, Y: 3, Lo: 2, Hi: 4}}}}}
	if text := printed(t, func() error { return Figure("f", l.Draw()) }); !strings.HasPrefix(text, "made: y against x.") {
		t.Errorf("%q", text)
	}
	for _, ending := range []string{"svg", "png", "pdf"} {
		if s, err := os.Stat(filepath.Join(dir, "f."+ending)); err != nil || s.Size() < 200 {
			t.Error(ending, err)
		}
	}
}
