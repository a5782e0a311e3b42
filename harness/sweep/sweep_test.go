// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crossing/data/dataset"
)

const tiny = `
name: tiny
tiers: [nginx, {tier: apache, as: apache-x, options: {threads: "2"}}]
connections: [1, 16]
files: ["100", "1K"]
blocks: 3
warmup: 10ms
duration: 50ms
seed: 7
`

func plan(t *testing.T, text string) *Plan {
	t.Helper()
	p, err := parsePlan("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlanRefuses(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"connections: [1, 16]", "connections: [0]", "connections 0"},
		{"connections: [1, 16]", "connections: [-1]", "connections -1"},
		{"connections: [1, 16]", "connections: []", "connections: none"},
		{`files: ["100", "1K"]`, "files: [big]", `file "big" is not of the site; it has 0, 100`},
		{"blocks: 3", "blocks: 0", "blocks 0"},
		{"duration: 50ms", "duration: 0s", "duration 0s"},
		{"duration: 50ms", "duration: soon", "soon"},
		{"seed: 7", "sead: 7", "sead"},
		{"as: apache-x", "as: nginx", "tiers: nginx is listed twice"},
		{`options: {threads: "2"}`, "duration: -1s", "apache-x: duration -1s"},
		{"seed: 7", "testbed: moon", `testbed "moon"`},
		{"connections: [1, 16]", "connections: [16, 1, 16]", "connections: 16 is listed twice"},
		{`files: ["100", "1K"]`, `files: ["100", "1K", "100"]`, "files: 100 is listed twice"},
		{"seed: 7", "open: {shares: [0.5, 0.25, 0.50], connections: 4, arrivals: poisson}", "open.shares: o50 is listed twice"},
		{"seed: 7", "open: {shares: [1.5], connections: 4, arrivals: poisson}", "open.shares 1.5"},
		{"seed: 7", "open: {shares: [0.5], connections: 4, arrivals: sometimes}", `"sometimes": poisson or fixed`},
		{"seed: 7", "steering: left", `steering "left": one of owner, sender`},
		{`options: {threads: "2"}`, "steering: left", `steering "left": one of owner, sender`},
		{"seed: 7", "testbed: vm\nsteering: owner", "steering: it is for testbed netns"},
		{"seed: 7", "client: telepathy", `client "telepathy": one of sockets, frames`},
		{"seed: 7", "client: frames\ntestbed: vm", "client frames: it is for testbed netns"},
		{"seed: 7", "client: frames\nworkers: 2", "client frames: it makes closed loops from one process"},
		{"seed: 7", "client: frames\nopen: {shares: [0.5], connections: 4, arrivals: poisson}", "client frames: it makes closed loops"},
	} {

		_, err := parsePlan("my.yaml", []byte(strings.Replace(tiny, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "my.yaml") {
			t.Errorf("%s: got %v, want %q and the plan's name", c.to, err, c.want)
		}
	}
	if _, err := ReadPlan("nosuch"); err == nil || !strings.Contains(err.Error(), "kick") {
		t.Errorf("an unknown profile: %v", err)
	}
}

// TestOverrideIsChecked: what a command line changes is checked as the file was.
func TestOverrideIsChecked(t *testing.T) {
	for _, c := range []struct {
		tiers  []string
		blocks int
		want   string // of the error; empty: none
	}{
		{nil, 0, ""},
		{[]string{"gohttp", "nginx"}, 2, ""},
		{[]string{"gohttp", "nginx", "gohttp"}, 0, "gohttp is listed twice"},
		{nil, -1, "blocks -1"},
	} {
		p := plan(t, tiny)
		err := p.Override(c.tiers, c.blocks)
		if c.want == "" && (err != nil || c.tiers != nil && len(p.Tiers) != 2 || c.blocks > 0 && p.Blocks != c.blocks) {
			t.Errorf("%v %d: %v, %+v", c.tiers, c.blocks, err, p)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v %d: %v, want %q", c.tiers, c.blocks, err, c.want)
		}
	}
}

func TestProfilesAreRead(t *testing.T) {
	for _, name := range Profiles() {
		if _, err := ReadPlan(name); err != nil {
			t.Error(err)
		}
	}
}

func TestBlocksAreCompleteRandomAndRepeatable(t *testing.T) {
	p := plan(t, tiny)
	cells := p.Cells()
	if len(cells) != 3*2*2*2 {
		t.Fatalf("%d cells", len(cells))
	}
	var orders [][]string
	for block := range 3 {
		var names []string
		for _, c := range cells[8*block : 8*block+8] {
			if c.Block != block {
				t.Fatalf("cell %s in block %d", c.Name(), block)
			}
			names = append(names, c.Name()[3:])
		}
		orders = append(orders, names)
		sorted := slices.Sorted(slices.Values(names))
		if len(slices.Compact(sorted)) != 8 {
			t.Errorf("block %d holds a cell twice", block)
		}
	}
	if slices.Equal(orders[0], orders[1]) {
		t.Error("two blocks have one order")
	}
	again := plan(t, tiny).Cells()
	for i := range cells {
		if cells[i].Name() != again[i].Name() || cells[i].Seed != again[i].Seed {
			t.Fatal("the same seed gave another design")
		}
	}
}

func TestTierOfItsOwnDuration(t *testing.T) {
	p := plan(t, strings.Replace(tiny, "as: apache-x", "as: apache-x, duration: 70ms", 1))
	for _, c := range p.Cells() {
		want := 50 * time.Millisecond
		if c.Choice.As == "apache-x" {
			want = 70 * time.Millisecond
		}
		if c.Duration != want {
			t.Errorf("%s lasts %v, want %v", c.Name(), c.Duration, want)
		}
	}
}

func TestTraceAndOpenCells(t *testing.T) {
	p := plan(t, tiny+"trace: true\nopen: {shares: [0.3, 0.95], connections: 64, arrivals: poisson}\n")
	loads := map[string]bool{}
	for _, c := range p.Cells() {
		loads[c.Load()] = true
	}
	for _, want := range []string{"c1", "c1t", "c16", "o30", "o95", "o95t"} {
		if !loads[want] {
			t.Errorf("no load %s in %v", want, loads)
		}
	}
}

// script is a runner that does as it is told.
type script struct {
	runs  []string
	fail  func(name string, n int) error
	rates []float64
}

func (s *script) Machine() (any, error) { return map[string]string{"cpu": "test"}, nil }

func (s *script) Run(ctx context.Context, c Cell) (*Outcome, error) {
	n := 0
	for _, r := range s.runs {
		if r == c.Name() {
			n++
		}
	}
	s.runs = append(s.runs, c.Name())
	s.rates = append(s.rates, c.Rate)
	if s.fail != nil {
		if err := s.fail(c.Name(), n); err != nil {
			return nil, err
		}
	}
	o := &Outcome{Run: c.row(0), Requests: []dataset.Request{{IntendedNs: 1, SentNs: 1, FirstByteNs: 5, LastByteNs: 5, Status: 200}}}
	o.Run.Outcome, o.Run.Requests, o.Run.Throughput = dataset.OK, 1, 1000
	return o, ctx.Err()
}

type quiet struct{}

func (quiet) Begin(Cell, int, int)       {}
func (quiet) End(*dataset.Run, int, int) {}

func TestFailedCellsAreTriedAgainAndRecorded(t *testing.T) {
	p := plan(t, tiny)
	dir := filepath.Join(t.TempDir(), "d")
	s := &script{fail: func(name string, n int) error {
		switch {
		case name == "b00-nginx-c1-100" && n == 0:
			return errors.New("once")
		case name == "b01-nginx-c1-100":
			return errors.New("always")
		}
		return nil
	}}
	r, err := Run(context.Background(), p, s, dir, "0.1.0", quiet{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Failed) != 1 || !strings.Contains(r.Failed[0], "always") || r.Runs != 24+1+2 {
		t.Errorf("%d runs, failed %v", r.Runs, r.Failed)
	}
	if err := dataset.Verify(dir); err != nil {
		t.Error(err)
	}
	d, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, run := range d.Runs() {
		if run.Outcome == dataset.Failed {
			failed++
		}
	}
	if failed != 1+3 {
		t.Errorf("%d failed attempts in the dataset, want 4", failed)
	}
}

func TestInterruptedSweepGoesOn(t *testing.T) {
	p := plan(t, tiny)
	dir := filepath.Join(t.TempDir(), "d")
	ctx, cancel := context.WithCancel(context.Background())
	first := &script{}
	first.fail = func(string, int) error {
		if len(first.runs) == 5 {
			cancel()
		}
		return nil
	}
	_, err := Run(ctx, p, first, dir, "0.1.0", quiet{})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "run the same sweep again") {
		t.Fatalf("got %v", err)
	}
	second := &script{}
	if _, err := Run(context.Background(), p, second, dir, "0.1.0", quiet{}); err != nil {
		t.Fatal(err)
	}
	if len(second.runs) != 24-4 {
		t.Errorf("%d cells after the interruption, want the 20 that were not whole", len(second.runs))
	}
	p.Blocks = 2
	if _, err := Run(context.Background(), p, second, dir, "0.1.0", quiet{}); !errors.Is(err, dataset.ErrExists) {
		t.Errorf("over a finished dataset: %v", err)
	}
}

func TestOpenLoopsTakeTheirShareOfTheCapacity(t *testing.T) {
	p := plan(t, strings.Replace(tiny, "connections: [1, 16]", "open: {shares: [0.5], connections: 64, arrivals: poisson}", 1))
	s := &script{}
	if _, err := Run(context.Background(), p, s, filepath.Join(t.TempDir(), "d"), "0.1.0", quiet{}); err != nil {
		t.Fatal(err)
	}
	calibrations := 0
	for _, rate := range s.rates {
		switch rate {
		case 0:
			calibrations++
		case 500:
		default:
			t.Errorf("rate %v, want half of 1000", rate)
		}
	}
	if calibrations != 4 { // tiers × files, once each
		t.Errorf("%d calibrations, want 4", calibrations)
	}
}

func TestOutcomeTravels(t *testing.T) {
	c := plan(t, tiny).Cells()[0]
	want, _ := (&script{}).Run(context.Background(), c)
	dir := t.TempDir()
	if err := want.Write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := ReadOutcome(dir)
	if err != nil || got.Run != want.Run || got.Requests[0] != want.Requests[0] {
		t.Errorf("got %+v (%v)", got, err)
	}
	if _, err := ReadOutcome(t.TempDir()); err == nil || !strings.Contains(err.Error(), "left no outcome") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestJudge(t *testing.T) {
	ok := dataset.Run{Outcome: dataset.OK, Loop: "closed", Throughput: 100, NullRate: 300, Requests: 1000, ElapsedNs: int64(time.Second)}
	for _, c := range []struct {
		name    string
		change  func(*dataset.Run)
		mark    string
		outcome dataset.Outcome
	}{
		{"good", func(*dataset.Run) {}, "", dataset.OK},
		{"client-bound", func(r *dataset.Run) { r.NullRate = 199 }, "client-bound", dataset.OK},
		{"no ceiling known", func(r *dataset.Run) { r.NullRate = 0 }, "", dataset.OK},
		{"steal", func(r *dataset.Run) { r.Steal = int64(20 * time.Millisecond) }, "steal", dataset.OK},
	} {
		r := ok
		c.change(&r)
		judge(&r)
		if r.Marks != c.mark || r.Outcome != c.outcome {
			t.Errorf("%s: marks %q, outcome %s (%s)", c.name, r.Marks, r.Outcome, r.Error)
		}
	}
}

// TestRemoveStale: the folder of a process that is gone goes, others stay.
func TestRemoveStale(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	for name, stays := range map[string]bool{
		fmt.Sprintf("%s%d-1", prefix, gone.Process.Pid): false,
		fmt.Sprintf("%s%d-1", prefix, os.Getpid()):      true,
		prefix + "mine-1": true,
	} {
		dir := filepath.Join(tmp, name)
		if err := os.MkdirAll(filepath.Join(dir, "site"), 0o755); err != nil {
			t.Fatal(err)
		}
		removeStale(tmp)
		if _, err := os.Stat(dir); (err == nil) != stays {
			t.Errorf("%s: %v, stays %v", name, err, stays)
		}
	}
}
