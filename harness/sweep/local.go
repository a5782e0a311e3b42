// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"crossing/data/dataset"
	"crossing/harness/load"
	"crossing/harness/machine"
	"crossing/harness/tier"
	"crossing/harness/trace"
)

// Local runs cells with the client on this machine: a fresh wire and a fresh
// server each.
type Local struct {
	Tiers   []*tier.Tier
	Version string // of the project
	Wire    func(*tier.Tier, TierChoice) (Wire, error)
	Where   func() (any, error) // describes the machines; nil: this one
	Trace   trace.Level         // the first level of the stage tracer to try; empty: the best
	Say     func(string)        // told what the runner finds; may be nil

	null map[nullKey]float64
	said string // of the stage tracer, last
}

// nullKey is what the client's ceiling depends on.
type nullKey struct {
	connections, workers int
	file                 string
	mode                 load.Mode
	client               Client
}

// Machine describes where the cells run.
func (l *Local) Machine() (any, error) {
	if l.Where != nil {
		return l.Where()
	}
	return machine.Describe()
}

// Run runs one cell.
func (l *Local) Run(ctx context.Context, c Cell) (*Outcome, error) {
	t, err := tier.Find(l.Tiers, c.Choice.Tier)
	if err != nil {
		return nil, err
	}
	if t, err = t.With(c.Choice.Options); err != nil {
		return nil, err
	}
	w, err := l.Wire(t, c.Choice)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	ceiling, err := l.ceiling(ctx, w, &c)
	if err != nil {
		return nil, fmt.Errorf("the client's own ceiling: %w", err)
	}
	s, err := w.Start(ctx, t, c.Traced)
	if err != nil {
		return nil, err
	}
	defer s.Stop()

	o := &Outcome{Run: c.row(0)}
	l.surroundings(&o.Run, t, s)
	o.Run.NullRate = ceiling
	if err := l.measure(ctx, &c, w, s, o); err != nil {
		if why := s.Ended(); why != nil {
			err = fmt.Errorf("%w; the server ended: %w", err, why)
		}
		return nil, err
	}
	judge(&o.Run)
	return o, nil
}

// surroundings fills in what is known before the load.
func (l *Local) surroundings(r *dataset.Run, t *tier.Tier, s Server) {
	sum := sha256.Sum256(s.Config())
	options, _ := json.Marshal(t.Options) // strings always marshal
	r.Boundary, r.Options, r.Config, r.Version = t.Boundary, string(options), hex.EncodeToString(sum[:]), l.Version
	if f, err := fileNamed(r.File); err == nil {
		r.FileBytes = f.Bytes
	}
	r.StartUnixNs = time.Now().UnixNano()
	s.Enter(r)
}

// measure puts the load on the server and reads every counter around it.
func (l *Local) measure(ctx context.Context, c *Cell, w Wire, s Server, o *Outcome) error {
	config, err := l.config(c, w, s.Addr())
	if err != nil {
		return err
	}
	var tracer *trace.Tracer
	if c.Traced {
		if tracer, err = s.Trace(l.Trace); err != nil {
			return err
		}
		l.say(tracer.String())
		defer tracer.Abandon()
		config.Stamps = config.Stamps || tracer.Level == trace.Stamps
	}
	before, err := read(w, s)
	if err != nil {
		return err
	}
	var used edges
	var edgeErr error
	config.AtEdge = func(edge int) {
		var err error
		if used[edge], err = readEdge(w, s); err != nil {
			edgeErr = fmt.Errorf("what the server used: %w", err)
		}
	}
	result, err := run(ctx, w, c.Choice.Client, config)
	if err = errors.Join(err, edgeErr); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	after, err := read(w, s)
	if err != nil {
		return err
	}
	result.Enter(&o.Run)
	after.enter(before, &o.Run)
	used.enter(&o.Run)
	if !w.Shared() {
		o.Run.Steering = string(c.Choice.Steering)
		reject(&o.Run, misdirected(c.Choice.Steering, after.Receiving, before.Receiving))
	}
	o.Requests = result.Requests
	o.Run.Requests = steady(o.Requests)
	o.Run.Client = string(c.Choice.Client)
	if tracer != nil {
		j, err := tracer.Stop(result.Requests, result.OriginNs)
		if err != nil {
			return err
		}
		o.Stages = j.Stages
		enter(j, tracer.Level, &o.Run)
	}
	o.Run.Answered = s.Answered()
	return nil
}

// run puts the load on by the client.
func run(ctx context.Context, w Wire, by Client, config load.Config) (*load.Result, error) {
	if by != Frames {
		return load.Run(ctx, config)
	}
	argv, err := w.Frames()
	if err != nil {
		return nil, err
	}
	config.CPUs = nil // the command is pinned already
	return load.RunClient(ctx, config, argv)
}

func (l *Local) config(c *Cell, w Wire, addr netip.AddrPort) (load.Config, error) {
	f, err := fileNamed(c.File)
	if err != nil {
		return load.Config{}, err
	}
	client := w.Client()
	config := load.Config{
		Target: addr, Path: f.Target, BodyLen: f.Bytes,
		Connections: c.Connections, Mode: c.Mode, Workers: c.Workers,
		WarmUp: c.WarmUp, Duration: c.Duration, Seed: c.Seed, Stamps: c.Stamps,
		CPUs: client.CPUs, Command: client.Command,
	}
	switch {
	case c.Share == 0:
	case c.Rate <= 0:
		return config, fmt.Errorf("cell %s: no rate: its tier's capacity is not known", c.Name())
	case c.Arrivals == "fixed":
		config.Schedule = load.Fixed{Rate: c.Rate}
	default:
		config.Schedule = load.Poisson{Rate: c.Rate}
	}
	return config, nil
}

// nullDuration is how long the client's ceiling is measured.
const nullDuration = 300 * time.Millisecond

// ceiling is the client's rate against a server that does nothing, on the same
// wire; it is measured once for each load.
func (l *Local) ceiling(ctx context.Context, w Wire, c *Cell) (float64, error) {
	if c.Clock == "virtual" {
		return 0, nil // the client's path length is the same in every tier
	}
	key := nullKey{c.Connections, c.Workers, c.File, c.Mode, c.Choice.Client}
	if rate, ok := l.null[key]; ok {
		return rate, nil
	}
	f, err := fileNamed(c.File)
	if err != nil {
		return 0, err
	}
	if f.Bytes > 1<<20 {
		return 0, nil // its ready answer would not fit; the wire is the ceiling
	}
	addr, stop, err := w.Null(ctx, f.Bytes)
	if err != nil {
		return 0, err
	}
	defer stop()
	closed := *c
	closed.Share, closed.Traced = 0, false
	config, err := l.config(&closed, w, addr)
	if err != nil {
		return 0, err
	}
	config.WarmUp, config.Duration, config.Jitter = nullDuration/3, nullDuration, -1
	r, err := run(ctx, w, c.Choice.Client, config)
	if err != nil {
		return 0, err
	}
	if l.null == nil {
		l.null = map[nullKey]float64{}
	}
	l.null[key] = r.Summary().Rate
	return l.null[key], nil
}

// steady counts what a reader of the rows counts: a request that was sent
// again after the end is a row, too.
func steady(requests []dataset.Request) (n int64) {
	for i := range requests {
		if requests[i].OK() && !requests[i].WarmUp {
			n++
		}
	}
	return n
}
