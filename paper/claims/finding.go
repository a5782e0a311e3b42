// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"crossing/notebooks/stats"
)

// A Verdict is what the data show of a claim.
type Verdict string

// The verdicts.
const (
	Supported    Verdict = "SUPPORTED"
	Contradicted Verdict = "CONTRADICTED"
	ByLoad       Verdict = "DIFFERS BY LOAD" // supported at some loads, contradicted at others
	Inconclusive Verdict = "INCONCLUSIVE"
	NotTested    Verdict = "NOT TESTED" // no dataset holds what it takes
)

// Verdicts are all of them, in the order in which they are counted.
var Verdicts = []Verdict{Supported, Contradicted, ByLoad, Inconclusive, NotTested}

// A Finding is what one dataset shows of a claim.
type Finding struct {
	Verdict   Verdict       `json:"verdict"`
	Dataset   string        `json:"dataset,omitempty"` // name and version; empty where none holds what it takes
	Lacks     []string      `json:"lacks,omitempty"`   // tiers of the claim that the dataset does not have
	AtLoads   []LoadVerdict `json:"by_load,omitempty"` // for tests that judge each load
	Estimates []Estimate    `json:"estimates,omitempty"`
	gaps      []gap
	Warnings  []error `json:"-"` // what the numbers do not cover, and what else may have caused them
}

// A gap is a comparison that could not be made at some loads.
type gap struct {
	of    string
	loads []string
	err   error // at the first of them
}

// skip records that a comparison could not be made at a load.
func (f *Finding) skip(of string, load int, err error) {
	for i := range f.gaps {
		if g := &f.gaps[i]; g.of == of {
			if at := fmt.Sprint(load); g.loads[len(g.loads)-1] != at {
				g.loads = append(g.loads, at)
			}
			return
		}
	}
	f.gaps = append(f.gaps, gap{of, []string{fmt.Sprint(load)}, err})
}

// warn makes warnings of the gaps.
func (f *Finding) warn() {
	for _, g := range f.gaps {
		f.Warnings = append(f.Warnings, fmt.Errorf("%s at %s: %w", g.of, strings.Join(g.loads, ", "), g.err))
	}
	f.gaps = nil
}

// A LoadVerdict is the verdict at a number of connections.
type LoadVerdict struct {
	Connections int
	Verdict     Verdict
	// Detectable is, where the verdict is inconclusive, the least ratio that the
	// data would have shown; +Inf: none, however large; 0: not computed.
	Detectable float64
}

// An Estimate is a number that a verdict rests on or that is shown beside it.
type Estimate struct {
	Of             string  // "mean dpdk/apache"
	Unit           string  // of the number: "" for a ratio
	Connections    int     // 0: over all loads
	stats.Interval         // of N blocks
	Covers         float64 // what the interval covers exactly; 0: its level
	P              float64 // of the comparison by itself; NaN: no test
	Adjusted       float64 // for the number of the claim's comparisons; NaN: no test
}

// judge sets the finding's verdict from those at its loads.
func (f *Finding) judge() {
	n := map[Verdict]int{}
	for _, l := range f.AtLoads {
		n[l.Verdict]++
	}
	tested := len(f.AtLoads) - n[NotTested]
	switch {
	case tested == 0:
		f.Verdict = NotTested
	case n[Supported] == tested:
		f.Verdict = Supported
	case n[Supported] > 0 && n[Contradicted] > 0:
		f.Verdict = ByLoad
	case n[Contradicted] > 0:
		f.Verdict = Contradicted
	default:
		f.Verdict = Inconclusive
	}
}

// MarshalJSON implements json.Marshaler: a number without a value is null.
func (e Estimate) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Of          string   `json:"of"`
		Unit        string   `json:"unit"`
		Connections int      `json:"connections,omitempty"`
		Estimate    *float64 `json:"estimate"`
		Lo          *float64 `json:"lo"`
		Hi          *float64 `json:"hi"`
		Level       float64  `json:"level"`
		Covers      float64  `json:"covers,omitempty"`
		P           *float64 `json:"p"`
		Adjusted    *float64 `json:"p_adjusted"`
		N           int      `json:"n"`
	}{e.Of, e.Unit, e.Connections, finite(e.Estimate), finite(e.Lo), finite(e.Hi), e.Level, e.Covers, finite(e.P), finite(e.Adjusted), e.N})
}

// MarshalJSON implements json.Marshaler: a ratio that was not computed, or that
// nothing shows, is null.
func (l LoadVerdict) MarshalJSON() ([]byte, error) {
	detectable := finite(l.Detectable)
	if l.Detectable == 0 {
		detectable = nil
	}
	return json.Marshal(struct {
		Connections int      `json:"connections"`
		Verdict     Verdict  `json:"verdict"`
		Detectable  *float64 `json:"detectable_ratio"`
	}{l.Connections, l.Verdict, detectable})
}

// MarshalJSON implements json.Marshaler: warnings are their texts.
func (r Result) MarshalJSON() ([]byte, error) {
	type finding struct {
		Finding
		Warnings []string `json:"warnings,omitempty"`
	}
	of := func(f Finding) finding {
		all := finding{Finding: f}
		for _, w := range f.Warnings {
			all.Warnings = append(all.Warnings, w.Error())
		}
		return all
	}
	out := struct {
		Claim Claim `json:"claim"`
		finding
		Elsewhere []finding `json:"elsewhere,omitempty"`
		Why       string    `json:"why,omitempty"`
	}{Claim: r.Claim, finding: of(r.Finding)}
	for _, f := range r.Elsewhere {
		out.Elsewhere = append(out.Elsewhere, of(f))
	}
	if r.Why != nil {
		out.Why = r.Why.String()
	}
	return json.Marshal(out)
}

// finite is v, or nil where it is no finite number.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
