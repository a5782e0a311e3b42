// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"

	"crossing/paper/claims"
)

var special = strings.NewReplacer(`\`, `\textbackslash{}`, "%", `\%`, "&", `\&`, "#", `\#`, "_", `\_`, "$", `\$`, "{", `\{`, "}", `\}`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`, "µ", `\textmu{}`, "±", `$\pm$`, "≥", `$\ge$`, "×", `$\times$`, "–", "--", "→", `$\to$`, "“", "``", "”", "''", "κ", `$\kappa$`, "σ", `$\sigma$`, "…", `\ldots{}`,
	// Long names may break where they are put together.
	"/", `/\allowbreak{}`)

// Escape is plain text for TeX.
func Escape(s string) string { return special.Replace(s) }

// TeXRow is the result as a row of the paper's table of verdicts.
func TeXRow(r claims.Result) string {
	dataset, mark := r.Dataset, ""
	if dataset == "" {
		dataset = "--"
	}
	if r.Exploratory {
		mark = "$^{*}$"
	}
	return fmt.Sprintf("%s%s & %s & %s & %s \\\\\n", r.ID, mark, Escape(r.Text), Escape(strings.ToLower(Verdict(r.Finding))), Escape(dataset))
}

// TeXItem is the result as an item of the paper's list of claims.
func TeXItem(r claims.Result) string {
	var b strings.Builder
	if r.Dataset == "" {
		return fmt.Sprintf("\\item[%s] \\textbf{Not tested}: %s.\n", r.ID, Escape(Warnings(r.Finding)))
	}
	verdict := Verdict(r.Finding)
	fmt.Fprintf(&b, "\\item[%s] \\textbf{%s} by %s", r.ID, Escape(verdict[:1]+strings.ToLower(verdict[1:])), Escape(r.Dataset))
	if n := Numbers(r.Finding); n != "" {
		fmt.Fprintf(&b, ": %s", Escape(n))
	}
	b.WriteString(".")
	if r.Finding.Verdict != claims.Supported && len(r.Warnings) > 0 {
		fmt.Fprintf(&b, " \\emph{Warnings:} %s.", Escape(Warnings(r.Finding)))
	}
	fmt.Fprintf(&b, " \\emph{Left open:} %s", Escape(r.Note))
	for _, f := range r.Elsewhere {
		fmt.Fprintf(&b, " By %s: %s (%s).", Escape(f.Dataset), Escape(strings.ToLower(Verdict(f))), Escape(reasons(f)))
	}
	b.WriteString("\n")
	return b.String()
}
