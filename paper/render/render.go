// SPDX-License-Identifier: Apache-2.0

// Package render makes text, HTML and TeX of tested claims. All wording of a
// finding is here; package claims holds values.
package render

import (
	"fmt"
	"math"
	"strings"

	"crossing/notebooks/stats"
	"crossing/paper/claims"
)

// Verdict is a finding's verdict: one word, or by load where the loads differ,
// as "SUPPORTED from 8 connections, CONTRADICTED below".
func Verdict(f claims.Finding) string {
	groups := byLoad(f.AtLoads)
	switch {
	case len(groups) < 2:
		return string(f.Verdict)
	case len(groups) == 2:
		return fmt.Sprintf("%s from %d connections, %s below", groups[1].verdict, groups[1].loads[0], groups[0].verdict)
	}
	by := map[claims.Verdict][]string{}
	for _, l := range f.AtLoads {
		by[l.Verdict] = append(by[l.Verdict], fmt.Sprint(l.Connections))
	}
	var parts []string
	for _, v := range claims.Verdicts {
		if len(by[v]) > 0 {
			parts = append(parts, fmt.Sprintf("%s at %s", v, strings.Join(by[v], ", ")))
		}
	}
	return strings.Join(parts, "; ")
}

// A group is neighbouring loads with one verdict.
type group struct {
	verdict claims.Verdict
	loads   []int
}

func byLoad(loads []claims.LoadVerdict) (groups []group) {
	for _, l := range loads {
		if n := len(groups); n == 0 || groups[n-1].verdict != l.Verdict {
			groups = append(groups, group{verdict: l.Verdict})
		}
		g := &groups[len(groups)-1]
		g.loads = append(g.loads, l.Connections)
	}
	return groups
}

// Numbers are a finding's estimates with their intervals as text, and, where it
// is inconclusive, the difference that the data would have shown.
func Numbers(f claims.Finding) string {
	var parts []string
	if len(f.Lacks) > 0 {
		parts = append(parts, "as far as it can be tested, without "+strings.Join(f.Lacks, ", "))
	}
	for i := 0; i < len(f.Estimates); {
		j := i
		for j < len(f.Estimates) && f.Estimates[j].Of == f.Estimates[i].Of {
			j++
		}
		parts = append(parts, estimates(f.Estimates[i:j]))
		i = j
	}
	if d := detectable(f.AtLoads); d != "" {
		parts = append(parts, d)
	}
	return strings.Join(parts, "; ")
}

// few is the number of loads up to which each is listed.
const few = 4

// estimates lists those of one quantity over loads: all where they are few, else
// the first and the last, and how many are significant.
func estimates(all []claims.Estimate) string {
	var parts []string
	for i, e := range all {
		if len(all) > few && i > 0 && i < len(all)-1 {
			continue
		}
		parts = append(parts, estimate(e))
	}
	text := all[0].Of + " " + strings.Join(parts, ", ")
	if len(all) <= few || math.IsNaN(all[0].Adjusted) {
		return text
	}
	single, lower, higher := 0, 0, 0
	for _, e := range all {
		if e.P <= stats.Alpha && e.Estimate < 1 {
			single++
		}
		if e.Adjusted <= stats.Alpha && e.Estimate < 1 {
			lower++
		}
		if e.Adjusted <= stats.Alpha && e.Estimate > 1 {
			higher++
		}
	}
	return fmt.Sprintf("%s (below 1 by itself at %d of %d loads; adjusted for all comparisons below 1 at %d, above at %d)", text, single, len(all), lower, higher)
}

func estimate(e claims.Estimate) string {
	text := e.Interval.String()
	if e.Connections > 0 {
		text = fmt.Sprintf("at %d %s", e.Connections, text)
	}
	if e.Covers > 0 && e.Covers < e.Level-1e-9 {
		text += fmt.Sprintf(" (covers %.1f %%)", 100*e.Covers)
	}
	if !math.IsNaN(e.P) && math.IsNaN(e.Adjusted) {
		text += fmt.Sprintf(" (p %.3g)", e.P)
	}
	return text
}

// detectable is the difference that the data would have shown at the loads where
// the verdict is open.
func detectable(loads []claims.LoadVerdict) string {
	var parts []string
	none := 0
	for _, l := range loads {
		switch {
		case l.Verdict != claims.Inconclusive || l.Detectable == 0:
		case math.IsInf(l.Detectable, 1):
			none++
		default:
			parts = append(parts, fmt.Sprintf("×%.3g at %d", l.Detectable, l.Connections))
		}
	}
	text := ""
	if len(parts) > 0 {
		text = fmt.Sprintf("a ratio that these data would have shown with a power of %.0f %%: %s", 100*stats.Power, strings.Join(parts, ", "))
	}
	if none > 0 {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("at %d of the loads so few blocks can show no difference, however large", none)
	}
	return text
}

// Warnings are a finding's as text.
func Warnings(f claims.Finding) string {
	var all []string
	for _, w := range f.Warnings {
		all = append(all, strings.ReplaceAll(w.Error(), "\n", "; "))
	}
	return strings.Join(all, "; ")
}

// reasons are a finding's numbers, or the warnings where it has none.
func reasons(f claims.Finding) string {
	if n := Numbers(f); n != "" {
		return n
	}
	return Warnings(f)
}
