// SPDX-License-Identifier: Apache-2.0

// Package conformance is the test kit that every tier must pass, over a real
// socket.
//
// Each row sends something and puts what it sees in words. A tier either does
// what a row demands or declares in its tier file what is seen instead; a
// declared deviation is demanded as exactly as anything else, so a server that
// gets better than its declaration fails, too, until the declaration goes.
package conformance

import (
	"context"
	"fmt"
	"slices"
)

// A Result is what a row saw.
type Result struct {
	Row      Row
	Observed string
	Declared bool // by the tier, as a deviation
}

// OK tells whether the tier did what was demanded or exactly what it declared.
func (r Result) OK() bool { return r.Problem() == "" }

// Problem says in one line what is wrong, or nothing.
func (r Result) Problem() string {
	fulfils := slices.Contains(r.Row.Want, r.Observed)
	switch {
	case r.Declared && fulfils:
		return fmt.Sprintf("%s: does what is demanded (%s); remove its deviation from the tier file", r.Row.Name, r.Observed)
	case !r.Declared && !fulfils:
		return fmt.Sprintf("%s (%s): seen %q, demanded %q", r.Row.Name, r.Row.Source, r.Observed, r.Row.Want[0])
	default:
		return ""
	}
}

// Run tries every row against the server and calls each with the
// result as it comes. The deviations are the tier's own, by name of the row. A
// deviation that is not seen exactly as declared counts as undeclared, and one
// that names no row is an error.
func Run(ctx context.Context, server Server, deviations map[string]string, each func(Result)) error {
	rows := Rows()
	for name := range deviations {
		if !slices.ContainsFunc(rows, func(r Row) bool { return r.Name == name }) {
			return fmt.Errorf("deviation %q names no row of the kit; `harness tier check --rows` lists them", name)
		}
	}
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		seen := row.try(server)
		declared, ok := deviations[row.Name]
		each(Result{Row: row, Observed: seen, Declared: ok && (declared == seen || slices.Contains(row.Want, seen))})
	}
	return nil
}
