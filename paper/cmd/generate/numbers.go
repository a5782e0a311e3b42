// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/comparisons"
	"crossing/notebooks/analysis/distributions"
	"crossing/notebooks/analysis/mystery"
	"crossing/notebooks/analysis/omission"
	"crossing/notebooks/analysis/paperfigures"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/analysis/saturation"
	"crossing/notebooks/analysis/tail"
	"crossing/notebooks/stats"
	"crossing/paper/claims"
	"crossing/paper/render"
)

// numbers defines what the text names: for each released dataset its size and
// its answers, and over all of them how the claims fared.
func numbers(sets map[string]*runs.Set, tested []claims.Result) ([]byte, error) {
	m := newMacros()
	constants(m, tested)
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		s := sets[name]
		fmt.Fprintf(m, "\\@namedef{released@%s}{}\n", name)
		size(m, name, s)
		if err := answers(m, name, s); err != nil {
			return nil, err
		}
	}
	for _, r := range tested {
		m.text("verdict."+r.ID, strings.ToLower(render.Verdict(r.Finding)))
		m.text("said."+r.ID, r.Text)
		if r.Why != nil {
			m.text("why."+r.ID, r.Why)
		}
	}
	if s, ok := sets["vm-mystery-client"]; ok {
		m.text("amplified", mystery.Amplified(s, 8))
	}
	m.text("score", score(tested, false))
	m.text("score.exploratory", score(tested, true))
	return m.bytes(), nil
}

// constants defines the constants of the design, which the text states and does
// not type.
func constants(m *macros, tested []claims.Result) {
	m.def("alpha", stats.Alpha)
	m.text("power", percent(stats.Power))
	m.text("level", percent(stats.Level))
	m.def("upper", 90) // the paper's upper percentile
	m.def("headroom", runs.Headroom)
	m.text("margin", percent(comparisons.Margin))
	m.def("resamples", saturation.Resamples)
	m.def("fewest", distributions.Fewest)
	m.def("windows", stats.FewestWindows)
	m.text("window", time.Duration(stats.TrendWindow))
	for _, r := range tested {
		if r.Margin > 0 {
			m.text(r.ID+".margin", percent(r.Margin))
		}
		if r.Value > 0 {
			m.def(r.ID+".value", r.Value)
		}
	}
}

// percent is a share as text.
func percent(share float64) string { return stats.Number(100*share, 3) + " %" }

func size(m *macros, name string, s *runs.Set) {
	var requests int64
	blocks := map[int32]bool{}
	var loads, kernels, emulators []string
	for _, n := range s.Connections() {
		loads = append(loads, fmt.Sprint(n))
	}
	for _, r := range s.Runs() {
		requests += r.Requests
		blocks[r.Block] = true
		if r.Kernel != "" && !slices.Contains(kernels, r.Kernel) {
			kernels = append(kernels, r.Kernel)
		}
		if r.Emulator != "" && !slices.Contains(emulators, r.Emulator) {
			emulators = append(emulators, r.Emulator)
		}
	}
	m.def(name+".version", s.Meta.Version)
	m.def(name+".runs", thousands(int64(len(s.Runs()))))
	m.def(name+".blocks", len(blocks))
	m.def(name+".tiers", len(s.Tiers()))
	m.def(name+".requests", thousands(requests))
	m.text(name+".loads", strings.Join(loads, ", "))
	m.text(name+".kernel", strings.Join(kernels, ", "))
	m.text(name+".emulator", strings.Join(emulators, ", "))
	m.text(name+".length", lengths(s, (*dataset.Run).Duration))
	m.text(name+".warmup", lengths(s, func(r *dataset.Run) time.Duration { return time.Duration(r.WarmUpNs) }))
	m.text(name+".machine", machine(s))
	m.text(name+".trust", s.Trust())
	left := "Nothing was left out."
	if l := s.Left(); len(l) > 0 {
		left = "Left out: " + strings.Join(l, "; ") + "."
	}
	m.text(name+".left", left)
}

// machine is where the dataset was collected, as it records.
func machine(s *runs.Set) string {
	b, err := s.Machine()
	if err != nil {
		return "a machine that is not described"
	}
	var m struct {
		CPU       string `json:"cpu"`
		CPUs      int    `json:"cpus"`
		MemoryMiB int64  `json:"memory_mib"`
		System    string `json:"system"`
		Virtual   bool   `json:"hypervisor"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return "a machine whose description cannot be read"
	}
	if m.CPUs == 0 {
		return "a virtual machine in virtual time, whose host does not matter"
	}
	kind := "a machine"
	if m.Virtual {
		kind = "a virtual machine"
	}
	return fmt.Sprintf("%s with %d CPUs (%s), %d MiB of memory and %s", kind, m.CPUs, m.CPU, m.MemoryMiB, m.System)
}

// lengths lists the durations of the runs.
func lengths(s *runs.Set, of func(*dataset.Run) time.Duration) string {
	var all []string
	for _, r := range s.Runs() {
		if d := of(&r).String(); !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return strings.Join(all, ", ")
}

// answers are the sentences that the notebooks compute, for this dataset.
func answers(m *macros, name string, s *runs.Set) error {
	loads := s.Connections()
	if len(loads) == 0 {
		return nil
	}
	if designed(s) {
		m.text(name+".mystery", mystery.Answer(s, 8, 64))
		return nil
	}
	for _, r := range s.Runs() {
		if r.Traced {
			groups, err := tail.Groups(s, file)
			if err != nil {
				return err
			}
			m.text(name+".stages", tail.Answer(groups))
			break
		}
	}
	steps, err := saturation.Ladder(s, file)
	if err != nil {
		return err
	}
	if len(steps) > 0 {
		m.text(name+".ladder", saturation.LadderAnswer(steps))
		omitted, err := omission.Omitted(s, file)
		if err != nil {
			return err
		}
		client, err := omission.Client(s, file)
		if err != nil {
			return err
		}
		m.text(name+".omitted", omission.Answer(omitted, "The p99 of the service time, which is all that a closed loop sees, over that of the response time", "No open loop is usable."))
		m.text(name+".client", omission.Answer(client, "The median latency that the client reports over that until the kernel stamped the answer's arrival", "No run has receive stamps."))
	}
	first, last := loads[0], loads[len(loads)-1]
	for _, q := range []paperfigures.Quantity{paperfigures.Mean, paperfigures.P90} {
		m.text(name+"."+q.Name+".few", paperfigures.Answer(s, q, file, first))
		m.text(name+"."+q.Name+".many", paperfigures.Answer(s, q, file, last))
	}
	m.text(name+".contrasts.few", comparisons.Answer(contrasts(s, first), first))
	m.text(name+".contrasts.many", comparisons.Answer(contrasts(s, last), last))
	found := saturation.Find(s, file)
	m.text(name+".knees", fmt.Sprint(saturation.Answer(found, "dpdk", 3), " ", saturation.Answer(found, "apache", 10)))
	at := between(loads)
	curves, err := distributions.Curves(s, file, at)
	if err != nil {
		return err
	}
	m.def(name+".between", at)
	m.text(name+".tails", distributions.Answer(curves))
	return nil
}

func contrasts(s *runs.Set, connections int) []comparisons.Result {
	return comparisons.Test(s, comparisons.Factors, file, connections, paperfigures.Mean.Of)
}

// between is the load at which distributions are shown: 16 connections, or the
// next that the dataset has.
func between(loads []int) int {
	for _, n := range loads {
		if n >= 16 {
			return n
		}
	}
	return loads[len(loads)-1]
}

// designed reports whether the dataset is one of the designs over the kernel
// module's options.
func designed(s *runs.Set) bool {
	return slices.ContainsFunc(s.Tiers(), func(t runs.Tier) bool { _, ok := mystery.Levels(t.Name); return ok })
}

// score counts the verdicts in a sentence.
func score(tested []claims.Result, exploratory bool) string {
	by := map[claims.Verdict][]string{}
	n := 0
	for _, r := range tested {
		if r.Exploratory == exploratory {
			by[r.Finding.Verdict] = append(by[r.Finding.Verdict], r.ID)
			n++
		}
	}
	var parts []string
	for _, v := range claims.Verdicts {
		if ids := by[v]; len(ids) > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d (%s)", strings.ToLower(string(v)), len(ids), strings.Join(ids, ", ")))
		}
	}
	what := "Of the paper's claims, taken as %d tests, are %s."
	if exploratory {
		what = "Of %d exploratory tests are %s."
	}
	return fmt.Sprintf(what, n, strings.Join(parts, "; "))
}

// span is how long the collection took by the wall clock, or a word on why that
// is not known.
func span(s *runs.Set) string {
	var first, last int64
	for i, r := range s.Runs() {
		if r.Clock == "virtual" {
			return "virtual"
		}
		end := r.StartUnixNs + r.WarmUpNs + r.ElapsedNs
		if i == 0 || r.StartUnixNs < first {
			first = r.StartUnixNs
		}
		last = max(last, end)
	}
	return fmt.Sprintf("%.0f min", float64(last-first)/6e10)
}
