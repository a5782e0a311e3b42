// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"crossing/data/dataset"
	"crossing/harness/load"
	"crossing/harness/machine"
)

// A store is the dataset that runs of one configuration are written to; one
// without a writer stores nothing.
type store struct {
	o *loadOptions
	w *dataset.Writer
	n int // runs
}

// create starts the dataset, if one was asked for.
func (o *loadOptions) create() (*store, error) {
	s := &store{o: o}
	if o.out == "" {
		return s, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	s.w, err = dataset.Create(o.out, map[string]any{
		"url": o.url, "connections": o.Connections, "rate": o.rate, "trace": o.trace, "seed": o.Seed,
		"host": host, "clock": clockState(),
	})
	return s, err
}

// add stores a run.
func (s *store) add(r *load.Result) error {
	if s.w == nil {
		return nil
	}
	if err := s.w.Add(s.o.row(s.n, r), r.Requests, nil); err != nil {
		return err
	}
	s.n++
	return nil
}

// finish completes the dataset.
func (s *store) finish() error {
	if s.w == nil || s.n == 0 {
		return nil
	}
	where, err := machine.Describe()
	if err != nil {
		return err
	}
	err = s.w.Finish(dataset.Meta{
		Name: filepath.Base(s.o.out), Version: "0.0.0", Title: "Load on " + s.o.url,
		About: "Collected by `harness load`; the server was not started by it and is known by its address alone.",
		Use:   "Latencies and rates of this server at this load.",
		NoUse: "Comparison with other servers: nothing of the server's machine or configuration is recorded.",
		Date:  time.Now().UTC().Format(time.DateOnly),
	}, where)
	if err == nil {
		s.w = nil
	}
	return err
}

// close gives the dataset up if it was not finished, and leaves nothing behind
// that holds no run.
func (s *store) close() {
	if s.w == nil {
		return
	}
	_ = s.w.Close()
	if s.n == 0 {
		_ = os.RemoveAll(s.w.Partial())
	}
}

// A clock is what the kernel knows of the wall clock's error: parts that several
// hosts collected are joined by it.
type clock struct {
	Synchronised bool  `json:"synchronised"`
	OffsetNs     int64 `json:"offset_ns"`          // still to be corrected
	EstimateUs   int64 `json:"estimated_error_us"` // by the time daemon
	MostUs       int64 `json:"maximum_error_us"`
}

func clockState() clock {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return clock{}
	}
	c := clock{Synchronised: state != unix.TIME_ERROR, OffsetNs: int64(t.Offset), EstimateUs: int64(t.Esterror), MostUs: int64(t.Maxerror)}
	if t.Status&unix.STA_NANO == 0 {
		c.OffsetNs *= 1000
	}
	return c
}

// row is the run's row. The server is one that runs already, so what a sweep
// knows of it is unknown here.
func (o *loadOptions) row(i int, r *load.Result) dataset.Run {
	run := dataset.Run{
		Run: fmt.Sprintf("%03d", i), Block: int32(i), Attempt: 1, Seed: int64(o.Seed) + int64(i), Options: "{}",
		Tier: label(o.Target.String()), Server: label(o.Target.String()), Testbed: "none", Wire: "unknown", Clock: "real",
		Kernel: machine.Kernel(), Version: codeVersion(),
		File: label(o.Path), FileBytes: max(0, o.BodyLen), DurationNs: int64(o.Duration),
		Load: fmt.Sprintf("c%d", o.Connections),
		// The origin is in monotonic time, which is not so far from now.
		StartUnixNs: time.Now().UnixNano() - (load.Now() - r.OriginNs),
	}
	if r.Wire != "" {
		run.Wire = r.Wire
	}
	if kernelFree[r.Wire] {
		run.Testbed = "pair"
	}
	if o.Schedule != nil {
		run.Load, run.Rate = label("r"+strings.TrimSuffix(strings.TrimPrefix(r.Schedule, "poisson "), "/s")), o.rate
	}
	r.Enter(&run)
	return run
}

// kernelFree are the wires of testbed pair: a client on a virtual function has
// nothing but the cable before it.
var kernelFree = map[string]bool{"memif": true, "vhost": true, "virtio-user": true, "vf": true}

var notLabel = regexp.MustCompile(`[^A-Za-z0-9._+-]+`)

// label makes a text fit for the name of a partition.
func label(s string) string {
	s = strings.Trim(notLabel.ReplaceAllString(s, "-"), "-._+")
	if s == "" {
		return "index"
	}
	return s
}
