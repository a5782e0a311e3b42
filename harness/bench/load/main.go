// SPDX-License-Identifier: Apache-2.0

// Load compares this project's load generator with wrk: request rate, client
// CPU and server CPU per request, against the same server, in bursts of less
// than a second in random order. `make bench-load` runs it.
//
// Each round runs every client once; the figures are ratios to wrk's of the same
// round, so that what the machine does meanwhile falls on both. Their centre and
// interval are of Hodges and Lehmann, over rounds.
//
// How full the server's core was is printed, too: where it is full with wrk, no
// client can be faster, but by making the server's work less.
//
// As root the clients and the server are real-time tasks while they are measured.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"crossing/harness/bench/realtime"
	"crossing/harness/instance"
	"crossing/harness/load"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/internal/root"
	"crossing/notebooks/stats"
	"crossing/servers/site"
)

// usage is what --help shows before the flags.
const usage = `Load measures our load generator beside wrk, interleaved, as ratios.

Examples:
  load --rounds 6 -c 64 --null ''

Flags:
`

func main() {
	load.Main()
	log.SetFlags(0)
	log.SetPrefix("bench-load: ")
	b := bench{}
	rounds := pflag.Int("rounds", 8, "rounds of 15 s; 6 are the fewest that give a 95 % interval")
	list := pflag.StringP("connections", "c", "1,4,16,64", "connections to try")
	nullList := pflag.String("null", "1,64", "connections to try against the null server; empty: none")
	pflag.DurationVar(&b.burst, "burst", 800*time.Millisecond, "length of one measurement")
	pflag.BoolVar(&b.realtime, "realtime", os.Geteuid() == 0, "measure under SCHED_FIFO")
	pflag.StringVar(&b.tier, "tier", "servers/user/nginx/nginx.tier.yaml", "tier file of the server")
	pflag.BoolVar(&b.json, "json", false, "print every burst as a line of JSON, too")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	connections, nulls := numbers(*list), numbers(*nullList)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx, connections, nulls, *rounds); err != nil {
		log.Fatal(err)
	}
}

// numbers reads a list of connections, such as 1,4,16.
func numbers(list string) (n []int) {
	for s := range strings.SplitSeq(list, ",") {
		if s == "" {
			continue
		}
		c, err := strconv.Atoi(s)
		if err != nil || c < 1 {
			log.Fatalf("%q: want numbers of connections, such as 1,4,16,64", list)
		}
		n = append(n, c)
	}
	return n
}

type bench struct {
	bed            *testbed.Testbed
	burst          time.Duration
	realtime, json bool
	tier           string
}

// A client puts load on a server and says what it did.
type client struct {
	name string
	run  func(ctx context.Context, target netip.AddrPort, connections int) (burst, error)
}

// A burst is one measurement.
type burst struct {
	Round       int     `json:"round"`
	Server      string  `json:"server"`
	Connections int     `json:"connections"`
	Client      string  `json:"client"`
	Rate        float64 `json:"rate_per_s"`
	ClientCPU   float64 `json:"client_cpu_ns"` // per request
	ServerCPU   float64 `json:"server_cpu_ns"` // per request
	requests    float64
}

func (b *bench) run(ctx context.Context, connections, nulls []int, rounds int) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return fmt.Errorf("%w (apt-get install wrk)", err)
	}
	var err error
	if b.bed, err = testbed.Netns(); err != nil {
		return err
	}
	defer b.bed.Close()
	dir, err := os.MkdirTemp("", "bench-load")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	nginx, err := b.server(ctx, dir)
	if err != nil {
		return err
	}
	defer nginx.Stop()
	clients := []client{{"wrk", b.wrk}, {"hybrid", b.ours(load.Hybrid)}, {"spin", b.ours(load.Spin)}, {"block", b.ours(load.Block)}}
	var all []burst
	keep := func(round int, server string, c int, name string, one burst) {
		one.Round, one.Server, one.Connections, one.Client = round, server, c, name
		all = append(all, one)
		if b.json {
			_ = json.NewEncoder(os.Stdout).Encode(one)
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "\rround %d of %d", round+1, rounds)
		for _, c := range connections {
			for _, i := range random.Perm(len(clients)) {
				one, err := b.measure(ctx, clients[i], nginx.Addr, c, nginx.CPUTime)
				if err != nil {
					return fmt.Errorf("%s at %d connections: %w", clients[i].name, c, err)
				}
				keep(round, "nginx", c, clients[i].name, one)
			}
		}
		for _, c := range nulls {
			for _, i := range random.Perm(len(clients)) {
				if clients[i].name == "block" {
					continue
				}
				one, err := b.nullBurst(ctx, clients[i], c)
				if err != nil {
					return fmt.Errorf("%s against the null server: %w", clients[i].name, err)
				}
				keep(round, "null", c, clients[i].name, one)
			}
		}
	}
	fmt.Fprint(os.Stderr, "\r\x1b[K")
	report(all)
	return nil
}

func (b *bench) server(ctx context.Context, dir string) (*instance.Instance, error) {
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	files, err := site.Generate(dir)
	if err != nil {
		return nil, err
	}
	wd, err := root.Find()
	if err != nil {
		return nil, err
	}
	t, err := tier.Read(b.tier)
	if err != nil {
		return nil, fmt.Errorf("%w (run this in the project's folder)", err)
	}
	in, err := instance.Start(ctx, t, b.bed, instance.Places{Root: files, State: filepath.Join(dir, "state"), Bin: filepath.Join(wd, "bin"), Repo: wd})
	if err == nil && b.realtime {
		err = realtime.Promote(in.PID())
	}
	return in, err
}

func (b *bench) measure(ctx context.Context, c client, target netip.AddrPort, connections int, serverCPU func() (time.Duration, error)) (burst, error) {
	before, err := serverCPU()
	if err != nil {
		return burst{}, err
	}
	one, err := c.run(ctx, target, connections)
	if err != nil {
		return one, err
	}
	after, err := serverCPU()
	one.ServerCPU = float64(after-before) / one.requests
	return one, err
}

// nullBurst measures against a null server that lives for this burst only, since
// it keeps its CPU busy.
func (b *bench) nullBurst(ctx context.Context, c client, connections int) (burst, error) {
	n, err := load.StartNull(ctx, netip.AddrPortFrom(b.bed.Server.IP, testbed.Port+1), b.bed.Server.CPUs[0], 100, false, b.command(b.bed.Server))
	if err != nil {
		return burst{}, err
	}
	defer n.Close()
	return c.run(ctx, n.Addr, connections)
}

// command starts a program on a host, as a real-time task if wanted.
func (b *bench) command(h *testbed.Host) load.Command {
	if !b.realtime {
		return h.Command
	}
	return realtime.Command(h)
}

func (b *bench) ours(mode load.Mode) func(context.Context, netip.AddrPort, int) (burst, error) {
	return func(ctx context.Context, target netip.AddrPort, connections int) (one burst, err error) {
		r, err := load.Run(ctx, load.Config{
			Target: target, Path: "/100", BodyLen: 100, Connections: connections, Mode: mode,
			Duration: b.burst, CPUs: b.bed.Client.CPUs, Jitter: -1, Timeout: 100 * time.Millisecond, Command: b.command(b.bed.Client),
		})
		if err != nil {
			return one, err
		}
		s := r.Summary()
		if s.OK != s.Requests {
			return one, fmt.Errorf("failures: %v", s.Failures)
		}
		return burst{Rate: s.Rate, ClientCPU: s.CPU, requests: float64(len(r.Requests))}, ctx.Err()
	}
}

var wrkOutput = regexp.MustCompile(`(?s)(\d+) requests in .*Requests/sec: +([\d.]+)`)

// wrk runs wrk for a part of a second, which it does not offer: it is
// interrupted, and its figures are of the time that it ran.
func (b *bench) wrk(ctx context.Context, target netip.AddrPort, connections int) (one burst, err error) {
	argv := []string{"timeout", "-s", "INT", fmt.Sprintf("%.3f", b.burst.Seconds())}
	if b.realtime {
		argv = append([]string{"chrt", "-f", strconv.Itoa(realtime.Priority + 1)}, append(argv, "chrt", "-f", strconv.Itoa(realtime.Priority))...)
	}
	argv = append(argv, "wrk", "-t1", fmt.Sprintf("-c%d", connections), "-d10", fmt.Sprintf("http://%v/100", target))
	cmd := b.bed.Client.Command(ctx, argv[0], argv[1:]...)
	text, err := cmd.CombinedOutput()
	found := wrkOutput.FindSubmatch(text)
	if found == nil {
		return one, fmt.Errorf("wrk: %v: %s", err, text)
	}
	one.requests, _ = strconv.ParseFloat(string(found[1]), 64)
	one.Rate, _ = strconv.ParseFloat(string(found[2]), 64)
	one.ClientCPU = float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()) / one.requests
	return one, ctx.Err()
}

// report prints one line for each server, load and client.
func report(all []burst) {
	type cell struct {
		server      string
		connections int
		client      string
	}
	rounds := map[cell]map[int]burst{}
	var order []cell
	for _, one := range all {
		k := cell{one.Server, one.Connections, one.Client}
		if rounds[k] == nil {
			rounds[k] = map[int]burst{}
			order = append(order, k)
		}
		rounds[k][one.Round] = one
	}
	fmt.Println("Ratios to wrk in the same round: centre and 95 % interval (Hodges–Lehmann, logarithms).")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "server\tc\tclient\trequests/s\tratio\t95 %\tclient CPU\tratio\tserver CPU\tratio\tits core\t\n")
	for _, name := range []string{"wrk", "hybrid", "spin", "block"} {
		for _, k := range order {
			if k.client != name {
				continue
			}
			ratio := func(of func(burst) float64) (centre, low, high float64) {
				var ours, wrk []float64
				for round, one := range rounds[k] {
					ours, wrk = append(ours, of(one)), append(wrk, of(rounds[cell{k.server, k.connections, "wrk"}][round]))
				}
				in, err := stats.Paired(ours, wrk, .95)
				if err != nil {
					return math.NaN(), math.NaN(), math.NaN()
				}
				return in.Estimate, in.Lo, in.Hi
			}
			mean := func(of func(burst) float64) float64 {
				var sum float64
				for _, one := range rounds[k] {
					sum += of(one)
				}
				return sum / float64(len(rounds[k]))
			}
			rate := func(one burst) float64 { return one.Rate }
			clientCPU := func(one burst) float64 { return one.ClientCPU }
			serverCPU := func(one burst) float64 { return one.ServerCPU }
			r, low, high := ratio(rate)
			cc, _, _ := ratio(clientCPU)
			fmt.Fprintf(w, "%s\t%d\t%s\t%.0f\t%.2f\t%.2f to %.2f\t%s\t%.2f\t", k.server, k.connections, k.client,
				mean(rate), r, low, high, load.Ns(mean(clientCPU)), cc)
			if k.server == "null" {
				fmt.Fprint(w, "\t\t\t\n") // it polls: all of its CPU
				continue
			}
			sc, _, _ := ratio(serverCPU)
			busy := func(one burst) float64 { return one.ServerCPU * one.Rate / 1e9 }
			fmt.Fprintf(w, "%s\t%.2f\t%.0f %%\t\n", load.Ns(mean(serverCPU)), sc, 100*mean(busy))
		}
	}
	w.Flush()
}
