// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"

	"crossing/paper/claims"
)

// Text is the result as `make claims` prints it.
func Text(r claims.Result) string {
	var b strings.Builder
	source := "the paper"
	if r.Exploratory {
		source = "exploratory"
	}
	fmt.Fprintf(&b, "%-4s %s\n     %s: %s\n", r.ID, Verdict(r.Finding), source, r.Text)
	line := func(what, text string) {
		if text != "" {
			fmt.Fprintf(&b, "     %s: %s\n", what, text)
		}
	}
	if r.Dataset != "" {
		line("dataset "+r.Dataset, Numbers(r.Finding))
	}
	line("warnings", Warnings(r.Finding))
	line("left open", r.Note)
	if r.Why != nil {
		line("cause", r.Why.String())
	}
	for _, f := range r.Elsewhere {
		line("also "+f.Dataset, Verdict(f)+"; "+reasons(f))
	}
	return b.String()
}
