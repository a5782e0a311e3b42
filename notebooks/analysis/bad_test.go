// SPDX-License-Identifier: Apache-2.0

// Package analysis holds no code of its own: its test shows that what the
// notebooks call bears any dataset.
package analysis

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/notebooks/analysis/comparisons"
	"crossing/notebooks/analysis/distributions"
	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/mystery"
	"crossing/notebooks/analysis/omission"
	"crossing/notebooks/analysis/paperfigures"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/analysis/saturation"
	"crossing/notebooks/analysis/tail"
	"crossing/notebooks/analysis/validity"
)

const file = "100"

// A page collects what a notebook shows, as text.
type page struct {
	*testing.T
	strings.Builder
}

func (p *page) figure(f *figure.Figure) {
	p.Helper()
	if png, err := f.PNG(); err != nil || len(png) == 0 {
		p.Errorf("a figure of %d bytes: %v", len(png), err)
	}
	p.say(f.Text)
}

func (p *page) table(header []string, rows [][]string) {
	p.Helper()
	for _, row := range rows {
		if len(row) > len(header) {
			p.Errorf("a row of %d cells under %d headers", len(row), len(header))
		}
		p.say(strings.Join(row, " | "))
	}
}

func (p *page) say(text any) { fmt.Fprintln(p, text) }

func must[T any](x T, err error) func(*page) T {
	return func(p *page) T {
		p.Helper()
		if err != nil {
			p.Errorf("a cell would fail: %v", err)
		}
		return x
	}
}

// books are the notebooks' calls; TestEveryCallIsMade holds them to it.
var books = map[string]func(*page, *runs.Set){
	"0-start-here": func(p *page, s *runs.Set) {
		p.table(s.Overview())
		for _, line := range s.Left() {
			p.say(line)
		}
		p.say(s.Trust())
	},
	"1-the-papers-figures": func(p *page, s *runs.Set) {
		for _, q := range []paperfigures.Quantity{paperfigures.Mean, paperfigures.P90, paperfigures.Throughput} {
			p.figure(paperfigures.Figure(s, q, file))
			p.say(paperfigures.Answer(s, q, file, 1))
			p.say(paperfigures.Answer(s, q, file, 64))
			p.table(paperfigures.Table(s, q, file))
		}
	},
	"2-latency-distributions": func(p *page, s *runs.Set) {
		curves := must(distributions.Curves(s, file, 16))(p)
		p.figure(distributions.CCDF(s, curves, 16))
		p.figure(distributions.HDR(s, curves, 16))
		p.table(distributions.Table(curves))
		p.say(distributions.Answer(curves))
	},
	"3-comparisons": func(p *page, s *runs.Set) {
		for _, c := range []int{1, 64} {
			results := comparisons.Test(s, comparisons.Factors, file, c, paperfigures.Mean.Of)
			p.figure(comparisons.Figure(s, "t", "x", results))
			p.say(comparisons.Answer(results, c))
			p.say(comparisons.Missing(s, comparisons.Factors, file, c))
			p.table(comparisons.Table(results))
		}
	},
	"4-tail": func(p *page, s *runs.Set) {
		groups := must(tail.Groups(s, file))(p)
		p.figure(tail.Figure(s, groups))
		p.say(tail.Answer(groups))
		p.table(tail.Table(groups))
		p.table(tail.Coverage(s, file))
	},
	"5-saturation": func(p *page, s *runs.Set) {
		p.figure(saturation.Figure(s, file))
		tiers := saturation.Find(s, file)
		p.table(saturation.Table(tiers))
		p.say(saturation.Answer(tiers, "dpdk", 3))
		all := saturation.Excesses(s, file)
		p.figure(saturation.ExcessFigure(s, all))
		p.table(saturation.ExcessTable(all))
		p.say(saturation.ExcessAnswer(all))
		steps := must(saturation.Ladder(s, file))(p)
		p.figure(saturation.LadderFigure(s, steps))
		p.table(saturation.LadderTable(steps))
		p.say(saturation.LadderAnswer(steps))
	},
	"6-the-mystery": func(p *page, s *runs.Set) {
		p.figure(mystery.Waterfall(s, 64))
		p.figure(mystery.EffectsFigure(s, 64))
		p.table(mystery.EffectsTable(s, 64))
		p.table(mystery.Table(s, 64))
		p.say(mystery.Answer(s, 64))
	},
	"7-coordinated-omission": func(p *page, s *runs.Set) {
		for _, rows := range [][]omission.Row{must(omission.Corrected(s, file, 16))(p), must(omission.Omitted(s, file))(p), must(omission.Client(s, file))(p)} {
			p.figure(omission.Figure(s, "t", "x", rows, "there is none"))
			p.table(omission.Table(rows, "a", "b"))
			p.say(omission.Answer(rows, "a over b", "there is none"))
		}
	},
	"8-noise-and-validity": func(p *page, s *runs.Set) {
		p.figure(validity.Noise(s))
		tiers := must(validity.Tiers(s))(p)
		p.table(validity.Table(tiers))
		p.say(validity.Answer(tiers))
	},
	"9-your-own-server": func(p *page, s *runs.Set) {
		yours := must(comparisons.Own(s, "nginx"))(p)
		results := comparisons.Test(s, comparisons.Against(s, yours), file, 16, paperfigures.Mean.Of)
		p.figure(comparisons.Figure(s, "t", "x", results))
		p.table(comparisons.Table(results))
		p.say(comparisons.Stand(results, yours, 16))
	},
}

// TestEveryCallIsMade: a notebook calls nothing that its function above does not.
func TestEveryCallIsMade(t *testing.T) {
	source, err := os.ReadFile("bad_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("../*.ipynb")
	if err != nil || len(names) != len(books) {
		t.Fatalf("%d notebooks and %d functions (%v)", len(names), len(books), err)
	}
	calls := regexp.MustCompile(`\b(comparisons|distributions|mystery|omission|paperfigures|saturation|tail|validity|set)\.([A-Z]\w*)\(`)
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var n struct{ Cells []struct{ Source []string } }
		if err := json.Unmarshal(b, &n); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, c := range n.Cells {
			for _, call := range calls.FindAllStringSubmatch(strings.Join(c.Source, ""), -1) {
				opens := call[1] == "tail" && call[2] == "Open" || call[1] == "set" && call[2] == "Runs"
				if at := strings.Replace(call[0], "set.", "s.", 1); !opens && !strings.Contains(string(source), at) {
					t.Errorf("%s calls %s", name, call[0])
				}
			}
		}
	}
}

// whole makes runs of every kind that the notebooks read. The mystery's has the
// design of its own; the others closed loops, an open one, and a traced one.
func whole(blocks int, mysterys bool) (all []datasettest.Run) {
	rng := rand.New(rand.NewPCG(1, 1))
	add := func(r dataset.Run, n int) {
		r.Run, r.File, r.FileBytes, r.Outcome = fmt.Sprint(r.Tier, r.Load, r.Block), file, 100, dataset.OK
		var requests []dataset.Request
		var times []dataset.Stage
		at := int64(0)
		for i := range n {
			took := int64(50e3 * math.Exp(.3*rng.NormFloat64()) * float64(r.Connections))
			q := datasettest.Answered(at, took)
			q.Port, q.Offset, q.StampNs = 9, int64(i), q.LastByteNs-5000
			if r.Traced {
				times = append(times, dataset.Stage{Port: 9, Offset: int64(i), DeviceNs: at + took/4, RecvNs: at + took/2, SendNs: at + took*3/4, Source: "made"})
			}
			requests = append(requests, q)
			at += took
		}
		r.Requests, r.ElapsedNs, r.Occupancy = int64(n), at/int64(r.Connections), 1
		r.MeanNs, r.P90Ns, r.P99Ns = 52e3*float64(r.Connections), 75e3*int64(r.Connections), 100e3*int64(r.Connections)
		r.Throughput = min(float64(r.Connections), 6) / 52e3 * 1e9 * math.Exp(.02*rng.NormFloat64())
		r.MeanNs *= math.Exp(.05 * rng.NormFloat64())
		all = append(all, datasettest.Run{Run: r, Requests: requests, Stages: times})
	}
	for block := range int32(blocks) {
		for on := range uint(64) {
			label := ""
			for i, f := range mystery.Factors {
				label += fmt.Sprintf("%c%d", f.Letter, on>>i&1)
			}
			if mysterys && mystery.Fraction(on) {
				add(dataset.Run{Block: block, Tier: label, Boundary: "kernel", Load: "c64", Loop: "closed", Connections: 64}, 400)
			}
		}
		if mysterys {
			continue
		}
		for _, t := range []runs.Tier{{Name: "gohttp", Boundary: "user"}, {Name: "gopoll", Boundary: "user"}, {Name: "nginx", Boundary: "user"}, {Name: "khttpd", Boundary: "kernel"}, {Name: "dpdk", Boundary: "bypass"}} {
			r := dataset.Run{Block: block, Tier: t.Name, Boundary: t.Boundary, Loop: "closed"}
			for _, c := range []int32{1, 4, 16, 32, 64} {
				r.Connections, r.Load = c, fmt.Sprintf("c%d", c)
				add(r, 400)
			}
			r.Connections, r.Load, r.Traced = 16, "c16t", true
			add(r, 1500)
			r.Load, r.Loop, r.Traced = "r1000", "open", false
			add(r, 400)
		}
	}
	return all
}

// without drops runs.
func without(all []datasettest.Run, drop func(*dataset.Run) bool) (kept []datasettest.Run) {
	for _, r := range all {
		if !drop(&r.Run) {
			kept = append(kept, r)
		}
	}
	return kept
}

// TestBadDatasets reads every notebook on datasets that lack something. Each
// says what cannot be computed, and why, in the given words; no cell fails.
func TestBadDatasets(t *testing.T) {
	for _, c := range []struct {
		name string
		runs func([]datasettest.Run) []datasettest.Run
		nan  bool
		want map[string][]string
	}{
		{name: "nothing wrong", runs: func(all []datasettest.Run) []datasettest.Run { return all }},
		{name: "without a tier", runs: func(all []datasettest.Run) []datasettest.Run {
			return without(all, func(r *dataset.Run) bool { return r.Tier == "dpdk" || r.Tier == "m1r0s0n0l1c0" })
		}, want: map[string][]string{
			"3-comparisons": {"AF_XDP) (no usable run of gopoll-spin)"},
			"5-saturation":  {"dpdk is not in this dataset"},
			"6-the-mystery": {"no block holds all 16 cells"},
		}},
		{name: "one block", runs: func(all []datasettest.Run) []datasettest.Run {
			return without(all, func(r *dataset.Run) bool { return r.Block > 0 })
		}, want: map[string][]string{
			"1-the-papers-figures":    {"points have no interval (too few runs)", "(one run)", "there are too few runs for an interval"},
			"2-latency-distributions": {"points have no interval (too few runs)", "none of one run"},
			"3-comparisons":           {"at least two blocks"},
			"4-tail":                  {"25.0 % (one run)"},
			"5-saturation":            {"(one run)", "an interval over runs needs at least two"},
			"6-the-mystery":           {"one block has no interval"},
			"7-coordinated-omission":  {"(one run)"},
			"9-your-own-server":       {"at least two blocks"},
		}},
		{name: "a cell missing", runs: func(all []datasettest.Run) []datasettest.Run {
			return without(all, func(r *dataset.Run) bool {
				return r.Block == 1 && (r.Tier == "gopoll" && r.Connections == 1 || r.Tier == "nginx" && r.Connections == 16 || r.Tier == "m1r0s0n0l1c0")
			})
		}, want: map[string][]string{
			"3-comparisons":     {"With 2 blocks no exact interval reaches 95 %"},
			"5-saturation":      {"1 of 3 blocks lack a load and are excluded"},
			"9-your-own-server": {"With 2 blocks"},
			"6-the-mystery":     {"blocks"},
		}},
		{name: "all equal", runs: func(all []datasettest.Run) []datasettest.Run {
			for i := range all {
				r := &all[i]
				r.MeanNs, r.P90Ns, r.P99Ns, r.Throughput = 5000, 5000, 5000, 1000
				for j := range r.Requests {
					q := datasettest.Answered(int64(j)*5000, 5000)
					q.Port, q.Offset, q.StampNs = 9, int64(j), q.LastByteNs-1000
					r.Requests[j] = q
					if r.Stages != nil {
						r.Stages[j] = dataset.Stage{Port: 9, Offset: int64(j), RecvNs: q.SentNs + 2000, SendNs: q.SentNs + 3000, Source: "made"}
					}
				}
			}
			return all
		}, want: map[string][]string{
			"1-the-papers-figures": {"all 5 tiers have the same mean latency"},
			"4-tail":               {"at 16 none"},
			"5-saturation":         {"no knee within the loads measured"},
		}},
		{name: "NaN", runs: func(all []datasettest.Run) []datasettest.Run { return all }, nan: true, want: map[string][]string{
			"1-the-papers-figures": {"5 of 5 points have no value", "needs positive, finite values"},
			"3-comparisons":        {"needs positive, finite values"},
			"5-saturation":         {"there is no saturation point: load 1 with rate NaN", "has rates of NaN"},
		}},
		{name: "zero rows", runs: func(all []datasettest.Run) []datasettest.Run {
			for i := range all {
				r := &all[i]
				r.Requests, r.Stages, r.Run.Requests = nil, nil, 0
				r.MeanNs, r.P90Ns, r.P99Ns, r.Throughput = 0, 0, 0, 0
			}
			return all
		}, want: map[string][]string{
			"1-the-papers-figures":    {"5 of 5 points have no value"},
			"2-latency-distributions": {"no run with 100 requests at 16 connections", "No tier has enough requests"},
			"3-comparisons":           {"needs positive, finite values"},
			"4-tail":                  {"too few requests", "No traced run of this dataset has requests enough"},
			"5-saturation":            {"there is no saturation point"},
			"6-the-mystery":           {"no block holds all 16 cells of the design, with requests in each"},
			"7-coordinated-omission":  {"too few requests"},
			"8-noise-and-validity":    {"too short"},
		}},
		{name: "no runs", runs: func(all []datasettest.Run) []datasettest.Run { return nil }, want: map[string][]string{
			"1-the-papers-figures":    {"nothing to draw"},
			"2-latency-distributions": {"nothing to draw"},
			"3-comparisons":           {"nothing to draw"},
			"4-tail":                  {"no traced runs"},
			"5-saturation":            {"nothing to draw"},
			"6-the-mystery":           {"does not hold the design"},
			"7-coordinated-omission":  {"there is none"},
			"8-noise-and-validity":    {"No usable run"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			open := func(mysterys bool) *runs.Set {
				s := runs.New(datasettest.Open(t, c.runs(whole(3, mysterys))))
				if c.nan { // no writer of ours stores it: JSON has none
					all := s.Runs()
					for i := range all {
						all[i].MeanNs, all[i].Throughput, all[i].Occupancy = math.NaN(), math.NaN(), math.NaN()
					}
				}
				return s
			}
			servers, design := open(false), open(true)
			for name, read := range books {
				t.Run(name, func(t *testing.T) {
					p := &page{T: t}
					if read(p, servers); name == "6-the-mystery" {
						read(p, design)
					}
					for _, want := range c.want[name] {
						if !strings.Contains(p.String(), want) {
							t.Errorf("lacks %q:\n%s", want, p)
						}
					}
					if strings.Contains(p.String(), "NaN,") {
						t.Errorf("an interval of NaN is no words:\n%s", p)
					}
				})
			}
		})
	}
}
