// SPDX-License-Identifier: Apache-2.0

// Trace measures what the stage tracer costs: the request rate and the CPU per
// request of one server with it and without, in pairs of bursts of less than a
// second, either first at random. `make bench-trace` runs it.
//
// The figures are ratios within pairs, so that what the machine does meanwhile
// falls on both; their centre and interval are of Hodges and Lehmann, over
// pairs. As root client and server are real-time tasks while they are measured.
package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"crossing/harness/bench/realtime"
	"crossing/harness/instance"
	"crossing/harness/load"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/harness/trace"
	"crossing/internal/root"
	"crossing/notebooks/stats"
	"crossing/servers/site"
)

// most is the share of the request rate that the tracer may cost.
const most = 0.10

type bench struct {
	tier        string
	connections int
	pairs       int
	burst       time.Duration
	level       string

	bed    *testbed.Testbed
	server *instance.Instance
	inode  uint32
}

// A burst is one measurement.
type burst struct {
	rate, clientCPU, serverCPU float64 // per s; ns per request
	requests, joined           int
	level                      *trace.Tracer
}

// usage is what --help shows before the flags.
const usage = `Trace measures what the stage tracer costs nginx, in pairs of runs.

Examples:
  trace -c 16 --pairs 48

Flags:
`

func main() {
	load.Main()
	log.SetFlags(0)
	log.SetPrefix("bench-trace: ")
	b := bench{}
	pflag.StringVar(&b.tier, "tier", "servers/user/nginx/nginx.tier.yaml", "tier file of the server")
	pflag.IntVarP(&b.connections, "connections", "c", 16, "connections")
	pflag.IntVar(&b.pairs, "pairs", 24, "pairs of bursts; 6 are the fewest that give a 95 % interval")
	pflag.DurationVar(&b.burst, "burst", 600*time.Millisecond, "length of one measurement")
	pflag.StringVar(&b.level, "level", string(trace.Tracepoints), fmt.Sprintf("best level to use: one of %v", trace.Levels))
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx); err != nil {
		log.Fatal(err)
	}
}

func (b *bench) run(ctx context.Context) (err error) {
	if b.bed, err = testbed.Netns(); err != nil {
		return err
	}
	defer b.bed.Close()
	if b.inode, err = b.bed.Server.Inode(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-trace")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := b.start(ctx, dir); err != nil {
		return err
	}
	defer b.server.Stop()
	var with, without []burst
	random := rand.New(rand.NewPCG(1, 1))
	for pair := range b.pairs {
		fmt.Fprintf(os.Stderr, "\rpair %d of %d", pair+1, b.pairs)
		first := random.IntN(2) == 0
		for _, traced := range []bool{first, !first} {
			one, err := b.measure(ctx, traced)
			if err != nil {
				return err
			}
			if traced {
				with = append(with, one)
			} else {
				without = append(without, one)
			}
		}
	}
	fmt.Fprint(os.Stderr, "\r\x1b[K")
	b.report(with, without)
	return nil
}

func (b *bench) start(ctx context.Context, dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	files, err := site.Generate(dir)
	if err != nil {
		return err
	}
	wd, err := root.Find()
	if err != nil {
		return err
	}
	t, err := tier.Read(b.tier)
	if err != nil {
		return fmt.Errorf("%w (run this in the project's folder)", err)
	}
	b.server, err = instance.Start(ctx, t, b.bed, instance.Places{Root: files, State: filepath.Join(dir, "state"), Bin: filepath.Join(wd, "bin"), Repo: wd})
	if err == nil && os.Geteuid() == 0 {
		err = realtime.Promote(b.server.PID())
	}
	return err
}

func (b *bench) measure(ctx context.Context, traced bool) (one burst, err error) {
	command := load.Command(b.bed.Client.Command)
	if os.Geteuid() == 0 {
		command = realtime.Command(b.bed.Client)
	}
	if traced {
		if one.level, err = trace.Start(trace.Level(b.level), b.server.Addr.Port(), b.inode); err != nil {
			return one, err
		}
		defer one.level.Abandon()
	}
	before, err := b.server.CPUTime()
	if err != nil {
		return one, err
	}
	r, err := load.Run(ctx, load.Config{
		Target: b.server.Addr, Path: "/100", BodyLen: 100, Connections: b.connections, Mode: load.Hybrid,
		Duration: b.burst, CPUs: b.bed.Client.CPUs, Jitter: -1, Timeout: 100 * time.Millisecond, Command: command,
		Stamps: traced && one.level.Level == trace.Stamps,
	})
	if err != nil {
		return one, err
	}
	after, err := b.server.CPUTime()
	if err != nil {
		return one, err
	}
	s := r.Summary()
	if s.OK != s.Requests || s.Requests == 0 {
		return one, fmt.Errorf("%d of %d requests were answered: %v", s.OK, s.Requests, s.Failures)
	}
	one.requests = len(r.Requests)
	one.rate, one.clientCPU, one.serverCPU = s.Rate, s.CPU, float64(after-before)/float64(one.requests)
	if traced {
		j, err := one.level.Stop(r.Requests, r.OriginNs)
		if err != nil {
			return one, err
		}
		one.joined = len(j.Stages)
	}
	return one, ctx.Err()
}

func (b *bench) report(with, without []burst) {
	requests, joined := 0, 0
	for _, one := range with {
		requests, joined = requests+one.requests, joined+one.joined
	}
	fmt.Println(with[0].level)
	fmt.Printf("%s, %d connections, %d pairs of %v; %d of %d requests joined\n", b.tier, b.connections, len(with), b.burst, joined, requests)
	fmt.Println("with the tracer to without, in the same pair: centre and 95 % interval (Hodges–Lehmann, logarithms)")
	line := func(name string, of func(burst) float64, show func(float64) string) (low float64) {
		var x, y []float64
		var a, z float64
		for i := range with {
			x, y = append(x, of(with[i])), append(y, of(without[i]))
			a, z = a+x[i]/float64(len(with)), z+y[i]/float64(len(with))
		}
		ratio, err := stats.Paired(x, y, .95)
		if err != nil {
			fmt.Printf("%-24s %10s to %10s  %v\n", name, show(a), show(z), err)
			return math.NaN()
		}
		fmt.Printf("%-24s %10s to %10s  %.3f [%.3f, %.3f]\n", name, show(a), show(z), ratio.Estimate, ratio.Lo, ratio.Hi)
		return ratio.Lo
	}
	low := line("requests per second", func(o burst) float64 { return o.rate }, func(v float64) string { return fmt.Sprintf("%.0f", v) })
	line("client CPU per request", func(o burst) float64 { return o.clientCPU }, load.Ns)
	line("server CPU per request", func(o burst) float64 { return o.serverCPU }, load.Ns)
	verdict := "holds"
	if !(low >= 1-most) {
		verdict = "is not shown"
	}
	fmt.Printf("At most %.0f %% of the request rate is lost: %s.\n", 100*most, verdict)
}
