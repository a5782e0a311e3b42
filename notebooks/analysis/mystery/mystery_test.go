// SPDX-License-Identifier: Apache-2.0

package mystery

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// label writes what Levels reads.
func label(on uint) (s string) {
	for i, f := range Factors {
		s += fmt.Sprintf("%c%d", f.Letter, on>>i&1)
	}
	return s
}

// set makes the design with 8 connections. Sharing the CPU makes 3 % of the
// requests slow; Nagle's algorithm doubles all.
func set(t *testing.T, blocks int, spoil func(*dataset.Run) bool) *runs.Set {
	t.Helper()
	var all []datasettest.Run
	rng := rand.New(rand.NewPCG(1, 1))
	for block := range int32(blocks) {
		for on := range uint(64) {
			if !Fraction(on) {
				continue
			}
			requests := make([]dataset.Request, 400)
			for i := range requests {
				took := 50e3 * math.Exp(.1*rng.NormFloat64())
				if on>>3&1 == 1 {
					took *= 2
				}
				if on>>5&1 == 1 && rng.Float64() < .03 {
					took *= 30
				}
				at := int64(i) * 1e6
				requests[i] = dataset.Request{IntendedNs: at, SentNs: at, FirstByteNs: at + int64(took) - 1, LastByteNs: at + int64(took), Status: 200}
			}
			r := dataset.Run{Run: fmt.Sprint(block, on), Block: block, Tier: label(on), Boundary: "kernel", Load: "c8", File: "100", Loop: "closed", Connections: 8, Outcome: dataset.OK, ElapsedNs: 4e8, Requests: 400}
			if spoil != nil && spoil(&r) {
				requests = nil
			}
			all = append(all, datasettest.Run{Run: r, Requests: requests})
		}
	}
	return runs.New(datasettest.Open(t, all))
}

func TestDesign(t *testing.T) {
	n := 0
	for on := range uint(64) {
		if got, ok := Levels(label(on)); !ok || got != on {
			t.Errorf("%s: %d", label(on), got)
		}
		if Fraction(on) {
			n++
		}
	}
	if n != 16 {
		t.Errorf("the fraction has %d variants", n)
	}
	for _, other := range []string{"", "nginx", "m1r1s1n1l1c0-125mips", "m2r1s1n1l1c0"} {
		if _, ok := Levels(other); ok {
			t.Errorf("%q is a label of the design", other)
		}
	}
}

func TestPlantedCause(t *testing.T) {
	s := set(t, 3, nil)
	effects, blocks, err := Effects(s, 8)
	if err != nil || blocks != 3 {
		t.Fatal(blocks, err)
	}
	for _, e := range effects {
		switch e.Letter {
		case 'c':
			if e.P99.Estimate < 15 || e.Ratio.Lo <= 2 {
				t.Errorf("%s: %+v", e.What, e)
			}
		case 'n':
			if math.Abs(e.Mean.Estimate-2) > .3 || math.Abs(e.P99.Estimate-2) > .5 {
				t.Errorf("%s: %+v", e.What, e)
			}
		default:
			if e.P99.Estimate > 1.5 || e.P99.Estimate < .6 {
				t.Errorf("%s: %+v", e.What, e)
			}
		}
	}
	if a := Answer(s, 8).String(); !strings.Contains(a, "raised most by: client on the server's CPU") {
		t.Error(a)
	}
	shares, _, err := Shares(s, effects, 8)
	if err != nil || shares[0].Letter != 'c' {
		t.Errorf("%+v %v", shares, err)
	}
}

// TestBadDatasets: what cannot be computed is said, and nothing panics.
func TestBadDatasets(t *testing.T) {
	for _, c := range []struct {
		name, want string
		blocks     int
		spoil      func(*dataset.Run) bool
	}{
		{"one block", "one block has no interval", 1, nil},
		{"another dataset", "cannot be answered", 2, func(r *dataset.Run) bool { r.Tier = "nginx" + r.Tier; return false }},
		{"a cell missing", "no block holds all 16 cells", 2, func(r *dataset.Run) bool {
			if r.Tier == "m1r1s1n1l1c1" {
				r.Outcome, r.Error = dataset.Rejected, "on purpose"
			}
			return false
		}},
		{"zero rows", "no block", 1, func(r *dataset.Run) bool { r.Outcome = dataset.Failed; return true }},
		{"rows of one run missing", "no block holds", 2, func(r *dataset.Run) bool { return r.Tier == "m1r1s1n1l1c1" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := set(t, c.blocks, c.spoil)
			if a := Answer(s, 8).String(); !strings.Contains(a, c.want) {
				t.Errorf("%q lacks %q", a, c.want)
			}
			if _, err := Waterfall(s, 8).PNG(); err != nil {
				t.Error(err)
			}
			if _, err := EffectsFigure(s, 8).PNG(); err != nil {
				t.Error(err)
			}
			Table(s, 8)
			EffectsTable(s, 8)
		})
	}
}

// TestFourth: with three letters of a defining word the fourth is their parity.
func TestFourth(t *testing.T) {
	for three, want := range map[string]byte{"cnm": 'l', "crn": 's', "mrs": 'l', "mrn": 0, "lnc": 'm'} {
		got := byte(0)
		if f := fourth(three); f != nil {
			got = f.Letter
		}
		if got != want {
			t.Errorf("%s: %q, want %q", three, got, want)
		}
	}
}

// TestNoTailOfFewRequests: the p99 of forty requests is their maximum, and no
// effect on it is computed; those on the mean are.
func TestNoTailOfFewRequests(t *testing.T) {
	s := set(t, 3, func(r *dataset.Run) bool { r.Requests = 40; return false })
	effects, _, err := Effects(s, 8)
	if err != nil || !errors.Is(effects[0].TailErr, stats.ErrNoBound) || !(effects[0].Mean.Estimate > 0) || !math.IsNaN(effects[0].P99.Estimate) {
		t.Errorf("%+v (%v)", effects[0], err)
	}
	if a := Answer(s, 8); a.Unbounded != 16 || a.Largest != nil || a.Highest != 0 {
		t.Errorf("%+v", a)
	}
}
