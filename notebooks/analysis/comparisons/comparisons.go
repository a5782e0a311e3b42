// SPDX-License-Identifier: Apache-2.0

// Package comparisons tests the study's hypothesis: each boundary that is removed
// lowers latency. One factor changes at a time, within blocks.
package comparisons

import (
	"fmt"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// A Factor is a pair of tiers that differ in one thing.
type Factor struct {
	What     string // what changes
	From, To string
}

// Factors are the study's, each with one thing changed.
var Factors = []Factor{
	{"HTTP code", "gohttp", "gopoll"},
	{"busy polling", "gopoll", "gopoll-spin"},
	{"kernel's stack bypassed (AF_XDP)", "gopoll-spin", "dpdk"},
	{"kernel's stack bypassed (packet socket)", "gopoll-spin", "dpdk-packet"},
	{"frames by AF_XDP, not packet socket", "dpdk-packet", "dpdk"},
	{"our TCP/IP, not gVisor's", "dpdk-netstack", "dpdk"},
	{"our TCP/IP, not lwIP", "dpdk-lwip", "dpdk"},
	{"answered on the socket by BPF", "gohttp", "ebpf"},
	{"answered below the socket by BPF", "ebpf", "ebpf-tc"},
	{"module's design, not the paper's", "khttpd-paper", "khttpd"},
	{"into the kernel", "nginx", "khttpd"},
	{"gunicorn, not Flask's own server", "flask", "gunicorn"},
	{"configuration tuned", "apache", "apache-tuned"},
}

// Margin is that of the band of equivalence in the figures.
const Margin = 0.1

// A Result is a factor's effect.
type Result struct {
	Factor
	stats.Ratio         // To / From
	Adjusted    float64 // p adjusted over all factors that could be tested (stats.MaxT)
	Err         error
}

// Test compares a quantity of both tiers of every factor that the set has, at
// one load and file, and adjusts for their number.
func Test(s *runs.Set, factors []Factor, file string, connections int, of runs.Quantity) []Result {
	var results []Result
	var family []stats.Blocks
	for _, f := range factors {
		to, from := s.Closed(f.To, file)[connections], s.Closed(f.From, file)[connections]
		if len(to) == 0 || len(from) == 0 {
			continue
		}
		r := Result{Factor: f}
		var logs stats.Blocks
		if logs, r.Err = LogRatios(to, from, of); r.Err == nil {
			if r.Ratio, r.Err = logs.Ratio(stats.Level); r.Err == nil {
				family = append(family, logs)
			}
		}
		results = append(results, r)
	}
	adjusted := stats.MaxTByBlock(family)
	for i, k := 0, 0; i < len(results); i++ {
		if results[i].Err == nil {
			results[i].Adjusted = adjusted[k]
			k++
		}
	}
	return results
}

// LogRatios are the logarithms of the ratio of a's quantity to b's, in the blocks
// that have both.
func LogRatios(a, b []dataset.Run, of runs.Quantity) (stats.Blocks, error) {
	x, err := runs.ByBlock(a, of)
	if err != nil {
		return nil, err
	}
	y, err := runs.ByBlock(b, of)
	if err != nil {
		return nil, err
	}
	return stats.LogRatios(x, y)
}

// Figure draws the results.
func Figure(s *runs.Set, title, axis string, results []Result) *figure.Figure {
	f := figure.Forest{Title: title, X: axis, Margin: Margin, Width: figure.PageWidth}
	boundary := map[string]string{}
	for _, t := range s.Tiers() {
		boundary[t.Name] = t.Boundary
	}
	for _, r := range results {
		name := fmt.Sprintf("%s: %s to %s", r.What, r.From, r.To)
		if r.What == yours {
			name = fmt.Sprintf("%s to %s", r.To, r.From)
		}
		e := figure.Estimate{Name: name, Boundary: boundary[r.To], Value: r.Estimate, Lo: r.Lo, Hi: r.Hi}
		if r.Err != nil {
			e.Why = r.Err.Error()
		}
		f.Rows = append(f.Rows, e)
	}
	f.Notes = append([]string{fmt.Sprintf("Dataset %s; Hodges–Lehmann ratios within blocks with exact signed-rank intervals; the grey band is ±10 %%.", s.Meta.ID())}, s.Notes()[1:]...)
	for _, r := range results {
		if r.Err == nil && r.Exact < stats.Level {
			f.Notes = append(f.Notes, fmt.Sprintf("With %d blocks no exact interval reaches 95 %%: these cover %.1f %%.", r.N, 100*r.Exact))
			break
		}
	}
	return f.Draw()
}

// Table is the results as rows under a header.
func Table(results []Result) (header []string, rows [][]string) {
	header = []string{"factor", "from", "to", "ratio [interval]", "covers", "p", "p (max-T)", "blocks"}
	for _, r := range results {
		if r.Err != nil {
			rows = append(rows, []string{r.What, r.From, r.To, r.Err.Error(), "", "", "", ""})
			continue
		}
		rows = append(rows, []string{r.What, r.From, r.To, r.Interval.String(), fmt.Sprintf("%.3f", r.Exact), fmt.Sprintf("%.3g", r.P), fmt.Sprintf("%.3g", r.Adjusted), fmt.Sprint(r.N)})
	}
	return header, rows
}
