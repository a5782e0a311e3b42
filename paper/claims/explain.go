// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"fmt"

	"crossing/notebooks/analysis/mystery"
	"crossing/notebooks/analysis/runs"
)

// explanations are the analyses of a cause, by their names in claims.yaml.
var explanations = map[string]func(open func(string) (*runs.Set, bool)) fmt.Stringer{"mystery": explainTail}

// A Tail is what makes p99/mean: which of the module's options, and the load
// tool's arithmetic (notebook 6).
type Tail struct {
	Dataset   string // of the design over the options; empty: none is released
	Options   mystery.Findings
	Amplified *mystery.Amplification // nil: no dataset with a client of many threads is released
}

func explainTail(open func(string) (*runs.Set, bool)) fmt.Stringer {
	var t Tail
	if s, ok := open("vm-mystery"); ok {
		t.Dataset, t.Options = s.Meta.ID(), mystery.Answer(s, 8, 64)
	}
	if s, ok := open("vm-mystery-client"); ok {
		a := mystery.Amplified(s, 8)
		t.Amplified = &a
	}
	return t
}

// String is the explanation as sentences.
func (t Tail) String() string {
	why := "No dataset vm-mystery is released, so the module's options cannot be separated."
	if t.Dataset != "" {
		why = t.Dataset + ": " + t.Options.String()
	}
	if t.Amplified != nil {
		why += " " + t.Amplified.String()
	}
	return why
}
