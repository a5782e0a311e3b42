// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"math"
	"strings"
	"testing"

	"crossing/notebooks/stats"
	"crossing/paper/claims"
)

func at(verdicts ...claims.Verdict) (all []claims.LoadVerdict) {
	for i, v := range verdicts {
		all = append(all, claims.LoadVerdict{Connections: 1 << i, Verdict: v})
	}
	return all
}

func TestVerdict(t *testing.T) {
	s, c, i := claims.Supported, claims.Contradicted, claims.Inconclusive
	for _, f := range []struct {
		finding claims.Finding
		want    string
	}{
		{claims.Finding{Verdict: s, AtLoads: at(s, s, s)}, "SUPPORTED"},
		{claims.Finding{Verdict: claims.ByLoad, AtLoads: at(c, c, c, s, s)}, "SUPPORTED from 8 connections, CONTRADICTED below"},
		{claims.Finding{Verdict: claims.ByLoad, AtLoads: at(c, i, s, i)}, "SUPPORTED at 4; CONTRADICTED at 1; INCONCLUSIVE at 2, 8"},
		{claims.Finding{Verdict: c}, "CONTRADICTED"},
	} {
		if got := Verdict(f.finding); got != f.want {
			t.Errorf("%q, want %q", got, f.want)
		}
	}
}

// result has what each form must escape.
var result = claims.Result{
	Claim: claims.Claim{ID: "C1", Text: "a < b & c", Note: "50 % are left."},
	Finding: claims.Finding{
		Verdict: claims.Inconclusive, Dataset: "made_up v1.0.0",
		AtLoads:   []claims.LoadVerdict{{Connections: 2, Verdict: claims.Inconclusive, Detectable: 1.25}},
		Estimates: []claims.Estimate{{Of: "mean a/b", Connections: 2, Interval: stats.Interval{Estimate: 0.9, Lo: 0.7, Hi: 1.1, Level: .95, N: 4}, Covers: .875, P: .1, Adjusted: .2}},
		Warnings:  []error{errors.New("noise & more")},
	},
}

func TestForms(t *testing.T) {
	html, err := HTML(result)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		form, text string
		want       []string
	}{
		{"text", Text(result), []string{"C1   INCONCLUSIVE\n", "the paper: a < b & c", "mean a/b at 2 0.9 [0.7, 1.1] (covers 87.5 %)", "with a power of 80 %: ×1.25 at 2", "warnings: noise & more"}},
		{"HTML", string(html), []string{`class="verdict inconclusive"`, "a &lt; b &amp; c", "noise &amp; more"}},
		{"TeX row", TeXRow(result), []string{`a < b \& c`, `made\_up`, "inconclusive"}},
		{"TeX item", TeXItem(result), []string{`\textbf{Inconclusive} by made\_up`, `covers 87.5 \%`, `noise \& more`, `50 \% are left`}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.text, want) {
				t.Errorf("%s lacks %q: %s", c.form, want, c.text)
			}
		}
	}
}

// TestNoDifferenceCanBeShown: fewer than six blocks show none, and the text has
// no infinite ratio.
func TestNoDifferenceCanBeShown(t *testing.T) {
	f := claims.Finding{Verdict: claims.Inconclusive, AtLoads: []claims.LoadVerdict{{Connections: 1, Verdict: claims.Inconclusive, Detectable: math.Inf(1)}}}
	if got := Numbers(f); got != "at 1 of the loads so few blocks can show no difference, however large" {
		t.Error(got)
	}
}
