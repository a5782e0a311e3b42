// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"crossing/data/dataset"
	"crossing/internal/atomicfile"
)

// Attempts is how often a cell that fails is tried.
const Attempts = 3

// A Report shows a sweep's progress.
type Report interface {
	// Begin is called before a cell runs: done of all cells are there.
	Begin(c Cell, done, all int)
	// End is called with the cell's row, whether it failed or not.
	End(r *dataset.Run, done, all int)
}

// Result is the outcome of a sweep.
type Result struct {
	Dir              string
	Runs             int
	Usable           map[string]int // cells with a run that is ok, by the tier's label
	Failed, Rejected []string       // names of cells without a run that can be used, and why
	traces           traces
}

// Traces says, for each level of the stage tracer, what came of the traced runs.
func (r *Result) Traces() (lines []string) {
	for _, level := range slices.Sorted(maps.Keys(r.traces)) {
		lines = append(lines, fmt.Sprintf("stages by %s: %v", level, r.traces[level]))
	}
	return lines
}

// Interrupted reports a sweep that was stopped before its last cell.
type Interrupted struct {
	Partial string // folder of what was collected
	Cause   error
}

func (i *Interrupted) Error() string {
	why := "interrupted"
	if i.Cause != context.Canceled { // not by a signal: a machine is gone
		why = i.Cause.Error()
	}
	return fmt.Sprintf("%s; everything collected so far is in %s: run the same sweep again to resume it", why, i.Partial)
}

func (i *Interrupted) Unwrap() error { return i.Cause }

// Run collects the plan into the folder dir, or resumes an earlier sweep of the
// same plan. When ctx ends, the running cell is abandoned, all that was collected
// stays, and the error is an Interrupted.
func Run(ctx context.Context, p *Plan, runner Runner, dir, version string, report Report) (*Result, error) {
	w, err := dataset.Create(dir, p)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	cells := p.Picked()
	if len(cells) == 0 {
		return nil, fmt.Errorf("no cell of plan %s is named like %v; `harness sweep --dry` lists them", p.Name, p.Only)
	}
	capacity := &capacities{file: filepath.Join(w.Partial(), "capacity.json")}
	if err := capacity.load(); err != nil {
		return nil, err
	}
	history := map[string][]dataset.Run{}
	done := 0
	for _, r := range w.Runs() {
		history[r.Run] = append(history[r.Run], r)
	}
	for i := range cells {
		if finished(history[cells[i].Name()]) {
			done++
		}
	}
	result := &Result{Dir: dir, Usable: map[string]int{}, traces: traces{}}
	for i := range cells {
		c := cells[i]
		if finished(history[c.Name()]) {
			result.count(history[c.Name()])
			continue
		}
		report.Begin(c, done, len(cells))
		tries, err := try(ctx, w, runner, c, capacity, len(history[c.Name()]), func(r *dataset.Run) {
			report.End(r, done, len(cells))
		})
		if err != nil {
			return nil, err
		}
		done++
		result.count(tries)
	}
	machine, err := runner.Machine()
	if err != nil {
		return nil, fmt.Errorf("describing the machine: %w", err)
	}
	return result, diskFull(w.Finish(p.meta(version, w.Runs()), machine))
}

// diskFull adds to the error of a full disk what to do.
func diskFull(err error) error {
	if errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("%w: free some space, then run the same sweep again to resume it; nothing collected is lost", err)
	}
	return err
}

// finished reports whether a cell needs no further attempt.
func finished(tries []dataset.Run) bool {
	return len(tries) > 0 && (tries[len(tries)-1].Outcome != dataset.Failed || len(tries) >= Attempts)
}

func (r *Result) count(tries []dataset.Run) {
	r.Runs += len(tries)
	for i := range tries {
		r.traces.count(&tries[i])
	}
	last := tries[len(tries)-1]
	r.Usable[last.Tier] += 0 // the tier is known, usable or not
	switch last.Outcome {
	case dataset.OK:
		r.Usable[last.Tier]++
	case dataset.Failed:
		r.Failed = append(r.Failed, last.Run+": "+last.Error)
	case dataset.Rejected:
		r.Rejected = append(r.Rejected, last.Run+": "+last.Error)
	}
}

// try runs a cell until it brings a measurement or has failed too often. Every
// attempt is stored.
func try(ctx context.Context, w *dataset.Writer, runner Runner, c Cell, capacity *capacities, before int, ended func(*dataset.Run)) ([]dataset.Run, error) {
	var tries []dataset.Run
	for n := before + 1; n <= Attempts; n++ {
		o, err := runCell(ctx, runner, c, capacity)
		if ctx.Err() != nil {
			return nil, &Interrupted{Partial: w.Partial(), Cause: context.Cause(ctx)}
		}
		if err != nil {
			o = &Outcome{Run: c.row(n)}
			o.Run.Outcome, o.Run.Error = dataset.Failed, err.Error()
		}
		o.Run.Attempt = int32(n)
		if err := w.Add(o.Run, o.Requests, o.Stages); err != nil {
			return nil, diskFull(err)
		}
		ended(&o.Run)
		tries = append(tries, o.Run)
		if o.Run.Outcome != dataset.Failed {
			break
		}
	}
	return tries, nil
}

func runCell(ctx context.Context, runner Runner, c Cell, capacity *capacities) (*Outcome, error) {
	if c.Share > 0 {
		full, err := capacity.of(ctx, runner, c)
		if err != nil {
			return nil, fmt.Errorf("finding the capacity: %w", err)
		}
		c.Rate = c.Share * full
	}
	return runner.Run(ctx, c)
}

// capacities are the greatest rates of closed loops, by tier and file. They
// are found once for a dataset and kept beside it, as the open loops' rates
// must not change in mid-collection.
type capacities struct {
	file  string
	known map[string]float64
}

func (c *capacities) load() error {
	c.known = map[string]float64{}
	b, err := os.ReadFile(c.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, &c.known)
}

func (c *capacities) of(ctx context.Context, runner Runner, cell Cell) (float64, error) {
	key := cell.Choice.As + " " + cell.File
	if rate, ok := c.known[key]; ok {
		return rate, nil
	}
	cell.Share, cell.Traced = 0, false
	o, err := runner.Run(ctx, cell)
	if err != nil {
		return 0, err
	}
	if o.Run.Throughput <= 0 {
		return 0, fmt.Errorf("no request was answered")
	}
	c.known[key] = o.Run.Throughput
	b, err := json.MarshalIndent(c.known, "", "  ")
	if err != nil {
		return 0, err
	}
	return c.known[key], atomicfile.Write(c.file, append(b, '\n'))
}

func (p *Plan) meta(version string, runs []dataset.Run) dataset.Meta {
	return dataset.Meta{
		Name: p.Name, Version: version, Title: p.Title, About: p.About,
		Emulated: p.Testbed == "vm" || slices.ContainsFunc(runs, func(r dataset.Run) bool { return r.Emulator != "" }),
		Use:      "comparing tiers within one block, and what follows from that across blocks.",
		NoUse:    "absolute figures of any other machine; comparing runs of two datasets.",
		Date:     time.Now().UTC().Format(time.DateOnly),
	}
}
