package claims

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"crossing/data"
	"crossing/notebooks/runs"
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

// world is a dataset in which each tier's mean latency is as given, with noise
// and blocks that disturb all tiers alike.
func world(t *testing.T, blocks int, means map[string]float64, tail float64) func(string) (*runs.Set, bool) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	w, err := data.Create(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	for b := range blocks {
		disturbed := math.Exp(0.3 * rng.NormFloat64())
		for _, tier := range []string{"apache", "dpdk", "flask", "khttpd-paper"} {
			mean, ok := means[tier]
			if !ok {
				continue
			}
			for _, c := range []int32{1, 4, 16, 64} {
				m := mean * disturbed * math.Exp(0.02*rng.NormFloat64()) * max(1, float64(c)/4)
				r := data.Run{Run: fmt.Sprint(tier, c, b), Block: int32(b), Tier: tier, Boundary: "user", Load: fmt.Sprintf("c%d", c), File: "100", Loop: "closed", Connections: c, Outcome: data.OK,
					MeanNs: m, P90Ns: int64(1.5 * m), P99Ns: int64(tail * m), Throughput: float64(c) / m * 1e9}
				if err := w.Add(r, nil, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := w.Finish(data.Meta{Name: "x", Version: "0.1.0", Date: "2026-01-01"}, nil); err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := runs.New(d)
	return func(name string) (*runs.Set, bool) { return s, name == "x" }
}

func TestVerdicts(t *testing.T) {
	asClaimed := map[string]float64{"dpdk": 1e4, "apache": 5e4, "khttpd-paper": 9e4, "flask": 1e6}
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
		{"a tier that is not there", Claim{Test: "below", Quantity: "mean", Tiers: []string{"dpdk", "nginx"}}, 12, asClaimed, 2, NotTested},
		{"equivalent", Claim{Test: "equivalent", Quantity: "mean", Margin: .1, Tiers: []string{"apache", "dpdk"}}, 12, map[string]float64{"apache": 5e4, "dpdk": 5.1e4}, 2, Supported},
		{"far from equivalent", Claim{Test: "equivalent", Quantity: "mean", Margin: .1, Tiers: []string{"apache", "dpdk"}}, 12, asClaimed, 2, Contradicted},
		{"same order", Claim{Test: "same-order", Quantity: "mean", Other: "p90", Tiers: []string{"dpdk", "apache", "flask"}}, 12, asClaimed, 2, Supported},
		{"a tail of 40", Claim{Test: "reaches", Quantity: "p99/mean", Tiers: []string{"khttpd-paper"}, Value: 30}, 12, asClaimed, 40, Supported},
		{"a tail of 3", Claim{Test: "reaches", Quantity: "p99/mean", Tiers: []string{"khttpd-paper"}, Value: 30}, 12, asClaimed, 3, Contradicted},
		{"a knee at 4", Claim{Test: "knee", Tiers: []string{"dpdk"}, Value: 40}, 12, asClaimed, 2, Contradicted},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.claim.Datasets = []string{"absent", "x"}
			r := Test(c.claim, world(t, c.blocks, c.means, c.tail))
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
	} {
		file := filepath.Join(t.TempDir(), "claims.yaml")
		writeFile(t, file, "- "+c.claim+"\n")
		if _, err := Read(file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.claim, err)
		}
	}
}
