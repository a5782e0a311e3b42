// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"io"

	"crossing/harness/change"
)

// Repair takes the steps that the findings offer, finding by finding: it
// prints what was found and each step with its reason, asks, and does. What was
// done stands in the journal, which puts it back. It ends at the first step
// that fails, as the next may build on it, and returns how many steps it took.
func Repair(ctx context.Context, findings []Finding, j *change.Journal, out io.Writer, agree func() (bool, error)) (int, error) {
	done := 0
	for _, f := range findings {
		if len(f.Fix) == 0 {
			continue
		}
		fmt.Fprintf(out, "%s: %s\n", f.Check, f.Found)
		for _, s := range f.Fix {
			fmt.Fprintf(out, "  # %s\n  %s\n", s.Why, s.Do)
		}
		yes, err := agree()
		if err != nil {
			return done, err
		}
		if !yes {
			continue
		}
		for _, s := range f.Fix {
			if err := j.Do(ctx, s); err != nil {
				return done, err
			}
			done++
		}
	}
	return done, nil
}
