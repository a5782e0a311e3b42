// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"crossing/data/dataset"
)

// A Result is what a run brought.
type Result struct {
	// Requests are all requests, also those of the warm-up and those that
	// failed, about in the order in which they were due.
	Requests []dataset.Request
	OriginNs int64 // CLOCK_MONOTONIC at the start: what the rows' times count from

	Schedule    string // empty: closed loop
	Mode        Mode
	Wire        string // what joins the client to the server, where a client program tells
	Connections int
	Workers     int
	WarmUp      time.Duration
	Elapsed     time.Duration // measured part: Config.Duration, less if stopped
	Opened      int           // connections opened before the start
	Reconnects  int           // connections opened after it

	ClientCPU             time.Duration // user + system time of the workers in the measured part
	UserCPU, SystemCPU    time.Duration
	Voluntary, Preemptive int64         // context switches of the workers in the measured part
	Jitter                Histogram     // gaps over 1 µs of the client CPUs just before the start (see Jitter), ns
	Watched               time.Duration // for how long these were counted, all workers together
	Lateness              Histogram     // open loop: of sends for which a connection was free, ns
	Transmit              Histogram     // stamps: from a send to the kernel handing it to the device, of one send in 64, ns
	ClockStep             time.Duration // change of CLOCK_REALTIME against CLOCK_MONOTONIC (stamps only)
	Stalled               time.Duration // how long the workers' loops stood still in the measured part, in pieces of over a millisecond
	Bad                   string        // start of the first response that was not as demanded
	Full                  bool          // the reserved rows did not suffice: the run ended early
}

// Run puts the load on the target and waits for the end. When ctx ends, the run
// ends early and what was measured is returned. An error means that there is no
// measurement: nothing listens, a worker could not be started or died.
func Run(ctx context.Context, c Config) (*Result, error) {
	c, err := c.normal()
	if err != nil {
		return nil, err
	}
	var times []int64
	if c.Schedule != nil {
		if times, err = c.Schedule.Times(c.WarmUp+c.Duration, c.Seed); err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
	}
	workers := make([]*worker, c.Workers)
	defer func() {
		for _, w := range workers {
			w.discard()
		}
	}()
	for i := range workers {
		if workers[i], err = startWorker(ctx, &c, i, times); err != nil {
			return nil, fmt.Errorf("load: worker %d: %w", i, err)
		}
	}
	for i, w := range workers {
		if _, err := w.hear(ctx, time.Minute+c.Jitter); err != nil {
			return nil, fmt.Errorf("load: worker %d: %w", i, err)
		}
	}
	origin := now() + 2*ms
	if !c.Start.IsZero() {
		wait := time.Until(c.Start.Round(0)) // by the wall clock
		if wait < 0 {
			return nil, fmt.Errorf("load: all was ready %v after the start: set it later", -wait.Round(time.Millisecond))
		}
		origin = now() + int64(wait)
	}
	for i, w := range workers {
		if err := w.say(origin); err != nil {
			return nil, fmt.Errorf("load: worker %d: %w", i, err)
		}
	}
	finish := make(chan struct{})
	over := sync.OnceFunc(func() { close(finish) })
	defer over()
	go watch(ctx, &c, origin, workers, finish)
	edges := sync.WaitGroup{}
	if c.AtEdge != nil {
		edges.Go(func() { atEdges(&c, origin, finish) })
	}
	reports := make([]report, len(workers))
	for i, w := range workers {
		limit := time.Duration(origin-now()) + c.WarmUp + c.Duration + 4*c.Timeout + 10*time.Second
		if reports[i], err = w.hear(context.WithoutCancel(ctx), limit); err != nil {
			return nil, fmt.Errorf("load: worker %d: %w", i, err)
		}
	}
	over()
	edges.Wait()
	return collect(&c, origin, workers, reports), nil
}

// atEdges calls AtEdge at the ends of the measured part. A run that is over
// before has its end then; one that is over before its measured part has none.
func atEdges(c *Config, origin int64, finish <-chan struct{}) {
	for edge, at := range []int64{origin + int64(c.WarmUp), origin + int64(c.WarmUp+c.Duration)} {
		timer := time.NewTimer(time.Duration(at - now()))
		select {
		case <-timer.C:
		case <-finish:
			timer.Stop()
			if edge == 0 {
				return
			}
		}
		c.AtEdge(edge)
	}
}

// watch tells of the progress, and stops the workers when ctx ends.
func watch(ctx context.Context, c *Config, origin int64, workers []*worker, finish <-chan struct{}) {
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-finish:
			return
		case <-ctx.Done():
			for _, w := range workers {
				w.record.stop.Store(1)
			}
			return
		case <-every.C:
			if c.Progress != nil {
				var done int64
				for _, w := range workers {
					done += w.record.done.Load()
				}
				c.Progress(time.Duration(now()-origin), done)
			}
		}
	}
}

// A worker is the parent's end of a worker process.
type worker struct {
	record *record
	cmd    *exec.Cmd
	in     *json.Encoder
	out    *bufio.Reader
	pipe   *os.File
	errors bytes.Buffer
}

// startWorker starts worker i and gives it its job: every Workers-th connection
// and every Workers-th arrival.
func startWorker(ctx context.Context, c *Config, i int, times []int64) (w *worker, err error) {
	j := job{
		Target: c.Target, Mode: c.Mode, Spin: c.Spin,
		Request: c.request(),
		First:   int32(i), Step: int32(c.Workers), Total: int32(c.Connections),
		Connections: share(c.Connections, i, c.Workers),
		WarmUp:      c.WarmUp, Duration: c.Duration, Timeout: c.Timeout,
		Scheduled: share(len(times), i, c.Workers),
		Status:    c.Status, BodyLen: c.BodyLen,
		CPU: -1, Stamps: c.Stamps, Jitter: c.Jitter,
	}
	if len(c.CPUs) > 0 {
		j.CPU = c.CPUs[i%len(c.CPUs)]
	}
	rows := c.rows()
	if times != nil {
		if j.Scheduled == 0 {
			return nil, fmt.Errorf("the schedule has no request for it (%d requests, %d workers): ask for fewer workers", len(times), c.Workers)
		}
		rows = j.Scheduled + j.Scheduled/8 + 2*c.Connections + 100 // some may be shed
	}
	rec, err := newRecord(rows)
	if err != nil {
		return nil, err
	}
	w = &worker{record: rec}
	defer func() {
		if err != nil {
			w.discard()
			w = nil
		}
	}()
	for k := range j.Scheduled {
		t := times[k*c.Workers+i]
		rec.rows[k].IntendedNs, rec.rows[k].WarmUp = t, t < int64(c.WarmUp)
	}
	program, err := os.Executable()
	if err != nil {
		return w, err
	}
	// The worker is stopped through its record, so that it can still report.
	w.cmd = c.Command(context.WithoutCancel(ctx), program, WorkerArg)
	env := w.cmd.Env
	if env == nil {
		env = os.Environ()
	}
	// Two threads of Go are enough, and none may interrupt the loop.
	w.cmd.Env = append(slices.Clone(env), "GODEBUG=asyncpreemptoff=1", "GOGC=off", "GOMAXPROCS=2")
	w.cmd.ExtraFiles = []*os.File{rec.file}
	w.cmd.Stderr = &w.errors
	in, err := w.cmd.StdinPipe()
	if err != nil {
		return w, err
	}
	w.in = json.NewEncoder(in)
	out, child, err := os.Pipe()
	if err != nil {
		return w, err
	}
	w.cmd.Stdout, w.pipe, w.out = child, out, bufio.NewReader(out)
	err = w.cmd.Start()
	child.Close()
	if err != nil {
		return w, err
	}
	return w, w.say(&j)
}

// rows is how many a worker of a closed loop reserves: as many as its greatest
// rate can fill, but unless that was asked for, no more than fit into a quarter of
// the memory that is free. A run that fills them ends early and says so.
func (c *Config) rows() int {
	seconds := (c.WarmUp + c.Duration).Seconds()
	spare := 2*c.Connections + 100
	if c.MaxRate > 0 {
		return int(float64(c.MaxRate)*seconds) + spare
	}
	const rate = 250000
	return min(int(rate*seconds), availableMemory()/4/rowSize/c.Workers) + spare
}

// WorkerArg is the argument with which Run starts its own program again as a
// worker. A program that calls Run must call Worker when it is given it.
const WorkerArg = "load-worker"

// share is how many of n things fall to worker i of w when dealt in turn.
func share(n, i, w int) int { return (n - i + w - 1) / w }

func (w *worker) say(v any) error {
	if err := w.in.Encode(v); err != nil {
		return w.died(err)
	}
	return nil
}

// hear waits for the worker's next report.
func (w *worker) hear(ctx context.Context, limit time.Duration) (r report, err error) {
	if err := w.pipe.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return r, err
	}
	stop := context.AfterFunc(ctx, func() { w.pipe.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	line, err := w.out.ReadBytes('\n')
	switch {
	case ctx.Err() != nil:
		return r, context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return r, fmt.Errorf("no word from it for %v (is its CPU taken by a real-time task?)", limit.Round(time.Second))
	case err != nil:
		return r, w.died(err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("not a report: %q: does this program call load.Worker when started with %q?", line, WorkerArg)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// died explains why the worker no longer answers.
func (w *worker) died(err error) error {
	w.cmd.Process.Kill()
	state := w.cmd.Wait()
	text := strings.TrimSpace(w.errors.String())
	w.cmd = nil
	return fmt.Errorf("it ended too early (%v, %v): %s", err, state, text)
}

// discard ends the process if it still runs, and frees its record.
func (w *worker) discard() {
	if w == nil {
		return
	}
	if w.cmd != nil && w.cmd.Process != nil {
		w.cmd.Process.Kill()
		w.cmd.Wait()
	}
	if w.pipe != nil {
		w.pipe.Close()
	}
	w.record.close()
}

// collect joins what the workers brought.
func collect(c *Config, origin int64, workers []*worker, reports []report) *Result {
	r := &Result{
		OriginNs: origin, Mode: c.Mode, Connections: c.Connections, Workers: c.Workers,
		WarmUp: c.WarmUp, Watched: max(0, c.Jitter) * time.Duration(len(workers)),
	}
	if c.Schedule != nil {
		r.Schedule = c.Schedule.String()
	}
	end := int64(c.WarmUp + c.Duration)
	total := 0
	for i := range reports {
		total += reports[i].Begun
	}
	r.Requests = make([]dataset.Request, 0, total)
	for i := range reports {
		p := &reports[i]
		r.Opened += p.Opened
		r.Reconnects += p.Reconnects
		r.UserCPU += p.Usage.User
		r.SystemCPU += p.Usage.System
		r.Voluntary += p.Usage.Voluntary
		r.Preemptive += p.Usage.Preemptive
		r.Jitter.Merge(&p.Jitter)
		r.Lateness.Merge(&p.Lateness)
		r.Transmit.Merge(&p.Transmit)
		r.Full = r.Full || p.Full
		if r.Bad == "" {
			r.Bad = string(p.Bad)
		}
		r.Stalled = max(r.Stalled, time.Duration(p.StalledNs))
		r.ClockStep = max(r.ClockStep, time.Duration(p.OffsetNs), -time.Duration(p.OffsetNs))
		end = min(end, p.EndNs)
		r.Requests = appendRows(r.Requests, workers[i].record.rows[:p.Begun], c, end)
	}
	r.ClientCPU = r.UserCPU + r.SystemCPU
	r.Elapsed = max(0, time.Duration(end)-c.WarmUp)
	if len(workers) > 1 {
		slices.SortStableFunc(r.Requests, func(a, b dataset.Request) int { return int(a.IntendedNs - b.IntendedNs) })
	}
	return r
}

// appendRows takes over a worker's rows. Scheduled requests that were never sent
// are marked so, and so are those that were outstanding when the run was stopped.
func appendRows(to, rows []dataset.Request, c *Config, end int64) []dataset.Request {
	for i := range rows {
		row := &rows[i]
		switch {
		case row.LastByteNs != 0:
			to = append(to, *row)
		case c.Schedule != nil && row.SentNs == 0 && row.IntendedNs < end:
			r := *row
			r.Failure, r.SentNs, r.FirstByteNs, r.LastByteNs = dataset.Unsent, end, end, end
			to = append(to, r)
		case row.SentNs != 0 && row.SentNs < end:
			r := *row
			r.Failure, r.LastByteNs = dataset.Cut, end
			r.FirstByteNs = min(max(r.FirstByteNs, r.SentNs), end)
			to = append(to, r)
		}
	}
	return to
}
