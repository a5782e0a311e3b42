package sweep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"crossing/data"
	"crossing/harness/instance"
	"crossing/harness/load"
	"crossing/harness/machine"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/harness/trace"
	"crossing/servers/site"
)

// Local runs cells on this machine: a fresh testbed and a fresh server each.
type Local struct {
	Tiers   []*tier.Tier
	Bin     string // the project's programs
	Repo    string
	Version string // of the project
	Bed     func() (*testbed.Testbed, error)
	Trace   trace.Level  // the first level of the stage tracer to try; empty: the best
	Say     func(string) // told what the runner finds; may be nil
	SameCPU bool         // client and server share the server's CPU

	tmp  string
	root string
	null map[nullKey]float64
	said string // of the stage tracer, last
}

// nullKey is what the client's ceiling depends on.
type nullKey struct {
	connections, workers int
	file                 string
	mode                 load.Mode
}

// NewLocal makes a runner with a folder of its own, which Close removes.
func NewLocal(l Local) (*Local, error) {
	tmp, err := os.MkdirTemp("", "crossing-")
	if err != nil {
		return nil, err
	}
	l.tmp, l.null = tmp, map[nullKey]float64{}
	if err := os.Chmod(tmp, 0o755); err != nil { // servers run as nobody
		return nil, err
	}
	if l.root, err = site.Generate(tmp); err != nil {
		l.Close()
		return nil, err
	}
	return &l, nil
}

// Close removes the runner's folder.
func (l *Local) Close() { _ = os.RemoveAll(l.tmp) }

// Machine describes this machine.
func (l *Local) Machine() (any, error) { return machine.Describe() }

// Run runs one cell.
func (l *Local) Run(ctx context.Context, c Cell) (*Outcome, error) {
	t, err := tier.Find(l.Tiers, c.Choice.Tier)
	if err != nil {
		return nil, err
	}
	if t, err = t.With(c.Choice.Options); err != nil {
		return nil, err
	}
	bed, err := l.Bed()
	if err != nil {
		return nil, err
	}
	defer bed.Close()
	if l.SameCPU {
		bed.Client.CPUs = bed.Server.CPUs
	}
	if t.Boundary == "bypass" {
		if err := bed.Plain(); err != nil {
			return nil, err
		}
	}
	ceiling, err := l.ceiling(ctx, bed, &c)
	if err != nil {
		return nil, fmt.Errorf("the client's own ceiling: %w", err)
	}
	state := filepath.Join(l.tmp, "state")
	if err := os.RemoveAll(state); err != nil {
		return nil, err
	}
	in, err := instance.Start(ctx, t, bed, instance.Places{Root: l.root, State: state, Bin: l.Bin, Repo: l.Repo, Stages: c.Traced})
	if err != nil {
		return nil, err
	}
	defer in.Stop()

	o := &Outcome{Run: c.row(0)}
	l.surroundings(&o.Run, t, bed, in)
	o.Run.NullRate = ceiling
	if err := l.measure(ctx, &c, bed, in, o); err != nil {
		if !in.Running() {
			err = fmt.Errorf("%w; the server ended, %s", err, in.Tail())
		}
		return nil, err
	}
	judge(&o.Run)
	return o, nil
}

// surroundings fills in what is known before the load.
func (l *Local) surroundings(r *data.Run, t *tier.Tier, bed *testbed.Testbed, in *instance.Instance) {
	sum := sha256.Sum256(in.Config)
	options, _ := json.Marshal(t.Options) // strings always marshal
	r.Boundary, r.Options, r.Config = t.Boundary, string(options), hex.EncodeToString(sum[:])
	r.Testbed, r.Wire, r.Congestion, r.Version = bed.Name, bed.Wire, bed.CongestionControl, l.Version
	r.Kernel = machine.Kernel()
	if f, err := fileNamed(r.File); err == nil {
		r.FileBytes = f.Bytes
	}
	r.StartUnixNs = time.Now().UnixNano()
	if fs, err := procfs.NewDefaultFS(); err == nil {
		if avg, err := fs.LoadAvg(); err == nil {
			r.Load1 = avg.Load1
		}
		if info, err := fs.CPUInfo(); err == nil && len(info) > bed.Server.CPUs[0] {
			r.FreqMHz = info[bed.Server.CPUs[0]].CPUMHz
		}
	}
}

// measure puts the load on the server and reads every counter around it.
func (l *Local) measure(ctx context.Context, c *Cell, bed *testbed.Testbed, in *instance.Instance, o *Outcome) error {
	config, err := l.config(c, bed, in.Addr)
	if err != nil {
		return err
	}
	var tracer *trace.Tracer
	if c.Traced {
		if tracer, err = l.tracer(bed, in); err != nil {
			return err
		}
		defer tracer.Abandon()
		config.Stamps = config.Stamps || tracer.Level == trace.Stamps
	}
	before, err := read(bed, in)
	if err != nil {
		return err
	}
	result, err := load.Run(ctx, config)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	after, err := read(bed, in)
	if err != nil {
		return err
	}
	result.Enter(&o.Run)
	after.enter(before, &o.Run)
	o.Requests = result.Requests
	o.Run.Requests = steady(o.Requests)
	if tracer != nil {
		j, err := tracer.Stop(result.Requests, result.OriginNs)
		if err != nil {
			return err
		}
		o.Stages = j.Stages
		enter(j, tracer.Level, &o.Run)
	}
	if answered, err := os.ReadFile(filepath.Join(l.tmp, "state", "counters.json")); err == nil {
		o.Run.Answered = strings.TrimSpace(string(answered))
	}
	return nil
}

func (l *Local) config(c *Cell, bed *testbed.Testbed, addr netip.AddrPort) (load.Config, error) {
	f, err := fileNamed(c.File)
	if err != nil {
		return load.Config{}, err
	}
	config := load.Config{
		Target: addr, Path: f.Target, BodyLen: f.Bytes,
		Connections: c.Connections, Mode: c.Mode, Workers: c.Workers,
		WarmUp: c.WarmUp, Duration: c.Duration, Seed: c.Seed, Stamps: c.Stamps,
		CPUs: bed.Client.CPUs, Command: bed.Client.Command,
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
func (l *Local) ceiling(ctx context.Context, bed *testbed.Testbed, c *Cell) (float64, error) {
	if c.Clock == "virtual" {
		return 0, nil // the client's path length is the same in every tier
	}
	key := nullKey{c.Connections, c.Workers, c.File, c.Mode}
	if rate, ok := l.null[key]; ok {
		return rate, nil
	}
	addr := bed.Addr("user")
	f, err := fileNamed(c.File)
	if err != nil {
		return 0, err
	}
	if f.Bytes > 1<<20 {
		return 0, nil // its ready answer would not fit; the wire is the ceiling
	}
	null, err := load.StartNull(ctx, addr, bed.Server.CPUs[0], int(f.Bytes), false, bed.Server.Command)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	closed := *c
	closed.Share, closed.Traced = 0, false
	config, err := l.config(&closed, bed, addr)
	if err != nil {
		return 0, err
	}
	config.WarmUp, config.Duration, config.Jitter = nullDuration/3, nullDuration, -1
	r, err := load.Run(ctx, config)
	if err != nil {
		return 0, err
	}
	l.null[key] = r.Summary().Rate
	return l.null[key], nil
}

// steady counts what a reader of the rows counts: a request that was sent
// again after the end is a row, too.
func steady(requests []data.Request) (n int64) {
	for i := range requests {
		if requests[i].OK() && !requests[i].WarmUp {
			n++
		}
	}
	return n
}
