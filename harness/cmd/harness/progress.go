// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"crossing/data/dataset"
	"crossing/harness/sweep"
)

// terminal reports whether out is one.
func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// newBar returns a bar on a terminal, nil elsewhere.
func newBar(out io.Writer, most int64, options ...progressbar.Option) *progressbar.ProgressBar {
	if !terminal(out) {
		return nil
	}
	return progressbar.NewOptions64(most, append([]progressbar.Option{progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(20),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish()}, options...)...)
}

// A loadBar shows the progress of one load: time, rate, requests done.
type loadBar struct {
	bar      *progressbar.ProgressBar // nil: not on a terminal
	lastAt   time.Duration
	lastDone int64
}

func runBar(out io.Writer, total time.Duration) *loadBar {
	return &loadBar{bar: newBar(out, total.Milliseconds())}
}

// show is called with the time since the start and the requests done.
func (b *loadBar) show(at time.Duration, done int64) {
	if b.bar == nil {
		return
	}
	if at < b.lastAt {
		b.lastAt, b.lastDone = 0, 0 // the next run
	}
	if at <= b.lastAt {
		return
	}
	rate := float64(done-b.lastDone) / (at - b.lastAt).Seconds()
	b.lastAt, b.lastDone = at, done
	b.bar.Describe(fmt.Sprintf("%9.0f requests/s, %d done", rate, done))
	_ = b.bar.Set64(min(at.Milliseconds(), b.bar.GetMax64()-1))
}

// clear takes the bar off the terminal.
func (b *loadBar) clear() {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
}

// A progress shows a sweep's progress: as a bar with cell, rate and time left
// on a terminal, elsewhere as a line for each run.
type progress struct {
	out     io.Writer
	bar     *progressbar.ProgressBar // nil: not on a terminal
	started time.Time
	first   int // cells that were there before
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, started: time.Now(), first: -1}
	p.bar = newBar(out, 1, progressbar.OptionShowCount())
	return p
}

// Begin implements sweep.Report.
func (p *progress) Begin(c sweep.Cell, done, all int) {
	if p.first < 0 {
		p.first = done
		if done > 0 {
			fmt.Fprintf(p.out, "resuming: %d of %d cells are done\n", done, all)
		}
	}
	if p.bar != nil {
		p.bar.ChangeMax(all)
		_ = p.bar.Set(done)
		p.bar.Describe(c.Name())
	}
}

// End implements sweep.Report.
func (p *progress) End(r *dataset.Run, done, all int) {
	switch {
	case r.Outcome == dataset.Failed:
		fmt.Fprintf(p.out, "\n%s: attempt %d failed: %s\n", r.Run, r.Attempt, r.Error)
	case p.bar != nil:
		p.bar.Describe(fmt.Sprintf("%s %.0f/s", r.Run, r.Throughput))
	default:
		left := time.Duration(0)
		if n := done + 1 - p.first; n > 0 {
			left = time.Since(p.started) / time.Duration(n) * time.Duration(all-done-1)
		}
		fmt.Fprintf(p.out, "%d/%d %s: %.0f/s, mean %v, %s %s(%v left)\n", done+1, all, r.Run, r.Throughput,
			time.Duration(r.MeanNs).Round(time.Microsecond), r.Outcome, marks(r), left.Round(time.Second))
	}
}

func marks(r *dataset.Run) string {
	if r.Marks == "" {
		return ""
	}
	return "[" + r.Marks + "] "
}

// say shows a line beside the bar.
func (p *progress) say(line string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintln(p.out, line)
}

func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
