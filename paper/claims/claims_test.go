// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/notebooks/analysis/runs"
)

func TestProjectsClaimsAreRead(t *testing.T) {
	all, err := Read("../claims.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 9; i++ {
		found := false
		for _, c := range all {
			found = found || strings.HasPrefix(c.ID, fmt.Sprintf("C%d", i))
		}
		if !found {
			t.Errorf("claim C%d is not tested", i)
		}
	}
}

// world is a dataset as vm-82576 will be, in which each tier's mean latency is
// as given, with noise and blocks that disturb all tiers alike. p90 and p99 are
// so many times the mean; others, as tiers' names, have a p90 of their own.
type world struct {
	blocks   int
	means    map[string]float64
	tail     float64
	p90      map[string]float64
	ceiling  float64 // loads above it bring no throughput
	nullRate float64
}

func (w world) open(t *testing.T) func(string) (*runs.Set, bool) {
	t.Helper()
	var all []datasettest.Run
	rng := rand.New(rand.NewPCG(5, 5))
	for b := range w.blocks {
		disturbed := math.Exp(0.3 * rng.NormFloat64())
		for _, tier := range slices.Sorted(maps.Keys(w.means)) {
			for _, c := range []int32{1, 2, 4, 8, 16, 64} {
				m := w.means[tier] * disturbed * math.Exp(0.02*rng.NormFloat64()) * max(1, float64(c)/w.ceiling)
				p90 := 1.5
				if v, ok := w.p90[tier]; ok {
					p90 = v
				}
				r := dataset.Run{Run: fmt.Sprint(tier, c, b), Block: int32(b), Tier: tier, Boundary: "user", Load: fmt.Sprintf("c%d", c), File: "100", Loop: "closed", Connections: c, Outcome: dataset.OK,
					Wire: "two emulated 82576 ports on one hub", Clock: "virtual", ElapsedNs: 1e9, WireBytes: 25e6,
					MeanNs: m, P90Ns: int64(p90 * m), P99Ns: int64(w.tail * m), Throughput: float64(c) / m * 1e9, NullRate: w.nullRate}
				if r.NullRate > 0 && r.NullRate < 2*r.Throughput {
					r.Marks = "client-bound"
				}
				all = append(all, datasettest.Run{Run: r})
			}
		}
	}
	s := runs.New(datasettest.OpenAs(t, dataset.Meta{Name: "vm-82576", Version: "1.0.0", Date: "2026-01-01", Emulated: true}, all))
	return func(name string) (*runs.Set, bool) { return s, name == "vm-82576" }
}

var (
	asClaimed = map[string]float64{"dpdk": 1e4, "apache": 5e4, "khttpd-paper": 9e4, "flask": 1e6, "khttpd": 2e4, "nginx": 4e4}
	otherwise = map[string]float64{"dpdk": 9e4, "apache": 5e4, "khttpd-paper": 1e4, "flask": 2e3, "khttpd": 8e4, "nginx": 4e4}
	alike     = map[string]float64{"dpdk": 5e4, "apache": 5e4, "khttpd-paper": 5e4, "flask": 5e4, "khttpd": 5e4, "nginx": 5e4}
)

// TestProjectsClaims: each claim as claims.yaml has it, on data that are made
// to bear it out, to contradict it and to leave it open.
func TestProjectsClaims(t *testing.T) {
	all, err := Read("../claims.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ours := world{blocks: 12, means: asClaimed, tail: 40, p90: map[string]float64{"dpdk": 1.05, "apache": 2}, ceiling: 4}
	worlds := []struct {
		name string
		world
		want map[string]Verdict
	}{
		{"as claimed", ours, map[string]Verdict{"C1": Supported, "C2": Supported, "C3": Contradicted, "C4": Supported, "C5": Supported, "C6": Supported, "C7": Supported, "C9a": NotTested, "C9c": Supported, "E1": Supported}},
		{"otherwise", world{blocks: 12, means: otherwise, tail: 3, p90: map[string]float64{"dpdk": 0.2, "apache": 1, "flask": 200}, ceiling: 10},
			map[string]Verdict{"C1": Contradicted, "C2": Contradicted, "C4": Contradicted, "C5": Contradicted, "C6": Contradicted, "C7": Supported, "C9c": Contradicted, "E1": Contradicted}},
		{"alike", world{blocks: 12, means: alike, tail: 3, ceiling: 4}, map[string]Verdict{"C1": Inconclusive, "C2": Inconclusive, "C3": Supported, "C5": Inconclusive, "E1": Inconclusive}},
		{"six blocks", world{blocks: 6, means: asClaimed, tail: 3, ceiling: 4}, map[string]Verdict{"C1": Supported, "C2": Supported, "E1": Supported}},
		{"six blocks, otherwise", world{blocks: 6, means: otherwise, tail: 3, ceiling: 4}, map[string]Verdict{"C1": Inconclusive, "C2": Inconclusive, "E1": Inconclusive}},
		{"three blocks", world{blocks: 3, means: asClaimed, tail: 40, ceiling: 4}, map[string]Verdict{"C1": Inconclusive, "C2": Inconclusive}},
		{"one block", world{blocks: 1, means: asClaimed, tail: 40, ceiling: 4}, map[string]Verdict{"C1": Inconclusive, "C3": Inconclusive, "C4": Inconclusive, "C6": Inconclusive}},
		{"a knee elsewhere", world{blocks: 4, means: map[string]float64{"dpdk": 1e4}, tail: 3, ceiling: 16}, map[string]Verdict{"C8a": Contradicted, "C8b": NotTested}},
		{"client at its limit", world{blocks: 4, means: map[string]float64{"dpdk": 1e4}, tail: 3, ceiling: 3, nullRate: 1e5}, map[string]Verdict{"C8a": Inconclusive}},
		{"no kernel module", world{blocks: 12, means: map[string]float64{"dpdk": 1e4, "apache": 5e4, "flask": 1e6}, tail: 3, ceiling: 4}, map[string]Verdict{"C1": Inconclusive, "C2": NotTested, "C4": Inconclusive, "C6": NotTested, "C7": Inconclusive}},
		{"no kernel module, otherwise", world{blocks: 12, means: map[string]float64{"dpdk": 1e6, "apache": 5e4, "flask": 1e4}, tail: 3, ceiling: 4}, map[string]Verdict{"C1": Contradicted}},
	}
	seen := map[Verdict]bool{}
	for _, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			open := w.open(t)
			for _, c := range all {
				want, ok := w.want[c.ID]
				if !ok {
					continue
				}
				r := Test(c, open)
				seen[r.Verdict] = true
				if r.Verdict != want {
					t.Errorf("%s, want %s\n%s", r.Verdict, want, r)
				}
				if r.Verdict != NotTested && (!strings.Contains(r.Caution, "emulation: ") || !strings.Contains(r.Caution, "wire: the busiest run would fill 10 %")) {
					t.Errorf("the reasons lack the columns': %s", r.Caution)
				}
				if w.nullRate > 0 && !strings.Contains(r.Caution, "client: in ") {
					t.Errorf("the client's limit is not told: %s", r.Caution)
				}
				if w.blocks == 3 && !strings.Contains(r.Caution, "design: with 3 blocks") {
					t.Errorf("too few blocks are not told: %s", r.Caution)
				}
			}
		})
	}
	if len(seen) != 4 {
		t.Errorf("verdicts seen: %v", seen)
	}
}

// TestNotesHoldNoResult: a note is fixed, so it may not hold a number that the
// data could change.
func TestNotesHoldNoResult(t *testing.T) {
	all, err := Read("../claims.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Note == "" {
			t.Errorf("%s does not say what it leaves open", c.ID)
		}
		if strings.ContainsAny(strings.ReplaceAll(c.Note, "p99", ""), "0123456789") {
			t.Errorf("%s: a digit in its note: %s", c.ID, c.Note)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name   string
		claim  Claim
		blocks int
		means  map[string]float64
		tail   float64
		want   Verdict
	}{
		{"order as claimed", Claim{Test: "ordering", Quantity: "mean", Tiers: []string{"dpdk", "apache", "flask"}}, 12, asClaimed, 2, Supported},
		{"order otherwise", Claim{Test: "ordering", Quantity: "mean", Tiers: []string{"apache", "dpdk", "flask"}}, 12, asClaimed, 2, Contradicted},
		{"three blocks show nothing", Claim{Test: "ordering", Quantity: "mean", Tiers: []string{"dpdk", "apache", "flask"}}, 3, asClaimed, 2, Inconclusive},
		{"one block", Claim{Test: "below", Quantity: "mean", Tiers: []string{"dpdk", "apache"}}, 1, asClaimed, 2, Inconclusive},
		{"a tier that is not there", Claim{Test: "below", Quantity: "mean", Tiers: []string{"dpdk", "gohttp"}}, 12, asClaimed, 2, NotTested},
		{"equivalent", Claim{Test: "equivalent", Quantity: "mean", Margin: .1, Tiers: []string{"apache", "dpdk"}}, 12, map[string]float64{"apache": 5e4, "dpdk": 5.1e4}, 2, Supported},
		{"far from equivalent", Claim{Test: "equivalent", Quantity: "mean", Margin: .1, Tiers: []string{"apache", "dpdk"}}, 12, asClaimed, 2, Contradicted},
		{"same order", Claim{Test: "same-order", Quantity: "mean", Other: "p90", Tiers: []string{"dpdk", "apache", "flask"}}, 12, asClaimed, 2, Supported},
		{"a tail of 40", Claim{Test: "reaches", Quantity: "p99/mean", Tiers: []string{"khttpd-paper"}, Value: 30}, 12, asClaimed, 40, Supported},
		{"a tail of 3", Claim{Test: "reaches", Quantity: "p99/mean", Tiers: []string{"khttpd-paper"}, Value: 30}, 12, asClaimed, 3, Contradicted},
		{"a step that is larger", Claim{Test: "larger-step", Quantity: "mean", Tiers: []string{"flask", "apache", "nginx"}}, 12, asClaimed, 2, Supported},
		{"a step that is smaller", Claim{Test: "larger-step", Quantity: "mean", Tiers: []string{"apache", "nginx", "dpdk"}}, 12, asClaimed, 2, Contradicted},
		{"under another name", Claim{Test: "below", Quantity: "mean", Tiers: []string{"a", "b"}, Labels: map[string][]string{"vm-82576": {"dpdk", "apache"}}}, 12, asClaimed, 2, Supported},
		{"a knee at 4", Claim{Test: "knee", Tiers: []string{"dpdk"}, Value: 40}, 12, asClaimed, 2, Contradicted},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.claim.Datasets = []string{"absent", "vm-82576"}
			r := Test(c.claim, world{blocks: c.blocks, means: c.means, tail: c.tail, ceiling: 4}.open(t))
			if r.Verdict != c.want {
				t.Errorf("%s, want %s\n%s", r.Verdict, c.want, r)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ claim, want string }{
		{"{id: A, text: t, datasets: [x], test: guess, tiers: [a]}", `test "guess"`},
		{"{id: A, text: t, datasets: [x], test: below, quantity: mean, tiers: [a]}", "at least 2 tiers"},
		{"{id: A, text: t, datasets: [x], test: below, quantity: luck, tiers: [a, b]}", `quantity "luck"`},
		{"{id: A, text: t, datasets: [x], test: below, tiers: [a, b]}", "takes a quantity"},
		{"{id: A, text: t, datasets: [x], test: below, quantity: mean, tiers: [a, b], labels: {x: [a]}}", "labels for x: 1 for 2 tiers"},
		{"{id: A, text: t, datasets: [x], test: reaches, quantity: mean, tiers: [a], explain: luck}", `explain "luck"`},
	} {
		file := filepath.Join(t.TempDir(), "claims.yaml")
		writeFile(t, file, "- "+c.claim+"\n")
		if _, err := Read(file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.claim, err)
		}
	}
}
