// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"crossing/paper/render"
)

// macros collects definitions that the text calls by name: \num{NAME} prints
// one, and an unknown name is an error of LaTeX's.
type macros struct{ strings.Builder }

func newMacros() *macros {
	m := &macros{}
	m.WriteString("% Generated from the released datasets. Do not edit.\n\\makeatletter\n")
	return m
}

// def defines \num{name} as text for TeX.
func (m *macros) def(name string, value any) {
	fmt.Fprintf(m, "\\@namedef{num@%s}{%v}\n", name, value)
}

// text defines \num{name} as plain text: a value's own rendering, escaped.
func (m *macros) text(name string, value any) { m.def(name, render.Escape(fmt.Sprint(value))) }

func (m *macros) bytes() []byte { return []byte(m.String() + "\\makeatother\n") }

func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\\," + s[i:]
	}
	return s
}
