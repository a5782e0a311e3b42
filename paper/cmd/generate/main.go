// Generate writes what the paper takes from the datasets: every number, every
// verdict and every figure. The text types none.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crossing/notebooks/replica"
	"crossing/notebooks/runs"
	"crossing/paper/claims"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("generate: ")
	out := flag.String("out", "out/paper", "folder for what is generated")
	readme := flag.String("readme", "", "also write the README's figure to this file")
	flag.Parse()
	if err := run(*out); err != nil {
		log.Fatal(err)
	}
	if *readme != "" {
		if err := readmeFigure(*readme); err != nil {
			log.Fatal(err)
		}
	}
}

// readmeFigure is the answer in one figure: mean latency on the testbed that
// everybody has.
func readmeFigure(file string) error {
	sets, err := runs.Released("data")
	if err != nil {
		return err
	}
	s, ok := sets["netns"]
	if !ok {
		return fmt.Errorf("no dataset netns is released")
	}
	svg, err := replica.Figure(s, replica.Mean, "100").SVG()
	if err != nil {
		return err
	}
	return os.WriteFile(file, svg, 0o644)
}

func run(out string) error {
	sets, err := runs.Released("data")
	if err != nil {
		return err
	}
	if len(sets) == 0 {
		return fmt.Errorf("no dataset is released: the paper has nothing to tell (bin/data release)")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "numbers.tex"), numbers(sets), 0o644); err != nil {
		return err
	}
	all, err := claims.Read("paper/claims.yaml")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "claims.tex"), claimsTable(all, sets), 0o644); err != nil {
		return err
	}
	for name, s := range sets {
		for _, q := range []replica.Quantity{replica.Mean, replica.P90, replica.Throughput} {
			if err := replica.Figure(s, q, "100").Save(out, name+"-"+q.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// numbers defines \num{NAME} for every number that the text names.
func numbers(sets map[string]*runs.Set) []byte {
	var b bytes.Buffer
	b.WriteString("% Generated from the released datasets. Do not edit.\n\\makeatletter\n")
	def := func(name string, value any) {
		fmt.Fprintf(&b, "\\@namedef{num@%s}{%v}\n", name, value)
	}
	for _, name := range sortedNames(sets) {
		s := sets[name]
		var requests int64
		blocks := map[int32]bool{}
		for _, r := range s.Runs() {
			requests += r.Requests
			blocks[r.Block] = true
		}
		def(name+".version", s.Meta.Version)
		def(name+".runs", len(s.Runs()))
		def(name+".blocks", len(blocks))
		def(name+".tiers", len(s.Tiers()))
		def(name+".requests", thousands(requests))
		def(name+".rejected", len(s.Left()))
		if bound, of := s.Marked("client-bound"); of > 0 {
			def(name+".clientbound", fmt.Sprintf("%d of %d", bound, of))
		}
		for _, q := range []replica.Quantity{replica.Mean, replica.P90, replica.Throughput} {
			for _, c := range replica.Cells(s, q, "100") {
				if c.Err == nil {
					def(fmt.Sprintf("%s.%s.%s.%d", name, q.Name, c.Tier.Name, c.Connections), fmt.Sprintf("%.3g (%.3g to %.3g)", c.Estimate, c.Lo, c.Hi))
				}
			}
		}
		def(name+".sentence", escape(replica.Answer(s, replica.Mean, "100", 64)))
	}
	b.WriteString("\\makeatother\n")
	return b.Bytes()
}

// claimsTable is the claims with their verdicts.
func claimsTable(all []claims.Claim, sets map[string]*runs.Set) []byte {
	var b bytes.Buffer
	b.WriteString("% Generated from paper/claims.yaml and the released datasets. Do not edit.\n")
	for _, c := range all {
		r := claims.Test(c, func(name string) (*runs.Set, bool) {
			s, ok := sets[name]
			return s, ok
		})
		what := r.Numbers
		if r.Dataset != "" {
			what = r.Dataset + ": " + what
		}
		if r.Caution != "" {
			what += " (caution: " + r.Caution + ")"
		}
		mark := ""
		if c.Exploratory {
			mark = " (exploratory)"
		}
		fmt.Fprintf(&b, "\\item[%s] %s%s \\textbf{%s.} {\\footnotesize %s}\n", c.ID, escape(c.Text), mark, strings.ToLower(string(r.Verdict)), escape(what))
	}
	return b.Bytes()
}

func sortedNames(sets map[string]*runs.Set) []string {
	var names []string
	for name := range sets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\\," + s[i:]
	}
	return s
}

var tex = strings.NewReplacer(`\`, `\textbackslash{}`, "%", `\%`, "&", `\&`, "#", `\#`, "_", `\_`, "$", `\$`, "{", `\{`, "}", `\}`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`, "µ", `\textmu{}`, "±", `$\pm$`, "–", "--", "→", `$\to$`, "“", "``", "”", "''", "κ", `$\kappa$`, "σ", `$\sigma$`)

func escape(s string) string { return tex.Replace(s) }
