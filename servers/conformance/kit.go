// SPDX-License-Identifier: Apache-2.0

// Package conformance is the test kit that every tier must pass, over real
// sockets.
//
// Each row sends something and describes the response in a few words. A tier
// either conforms or declares in its tier file what is observed instead. A
// declared deviation must be observed exactly, so a server that improves fails,
// too, until the declaration is removed.
package conformance

import (
	"context"
	"fmt"
	"slices"
)

// A Result is the outcome of a row.
type Result struct {
	Row      Row
	Observed string
	Declared bool // the tier declares it as a deviation
}

// OK reports whether the tier conforms or deviates exactly as declared.
func (r Result) OK() bool { return r.Problem() == "" }

// Problem describes what is wrong in one line; it is empty if nothing is.
func (r Result) Problem() string {
	conforms := slices.Contains(r.Row.Want, r.Observed)
	switch {
	case r.Declared && conforms:
		return fmt.Sprintf("%s: conforms (%s); remove the deviation from the tier file", r.Row.Name, r.Observed)
	case !r.Declared && !conforms:
		return fmt.Sprintf("%s (%s): observed %q, want %q", r.Row.Name, r.Row.Source, r.Observed, r.Row.Want[0])
	default:
		return ""
	}
}

// Run runs every row against the server and calls each with its result. The
// deviations are those that the tier declares, by name of the row. A deviation
// that is not observed exactly counts as undeclared; one that names no row is an
// error.
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
		observed := row.try(server)
		declared, ok := deviations[row.Name]
		each(Result{Row: row, Observed: observed, Declared: ok && (declared == observed || slices.Contains(row.Want, observed))})
	}
	return nil
}
