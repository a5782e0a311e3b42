// SPDX-License-Identifier: Apache-2.0

// Recovery compares how the bypass tier's TCP and the kernel's use a wire that is
// far, lossy or out of order: the time of one download, of dpdk and of gopoll with
// CUBIC and with Reno in turn, by a client of the kernel. The wire is a program
// between two packet sockets, since not every kernel has netem; its decisions are
// the same for the three servers of a round. What it prints are ratios of goodput.
//
// It needs root and bin/ as `make build` leaves it.
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"crossing/internal/atomicfile"
	"crossing/notebooks/stats"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-recovery:", err)
		os.Exit(1)
	}
}

// A row is one wire and one file.
type row struct {
	name string
	conditions
	mib int
	gro bool // the client's end gathers segments, so that it acknowledges many at once
}

const ms = time.Millisecond

var rows = []row{
	{"clean, RTT 20 ms", conditions{delay: 10 * ms}, 8, false},
	{"clean, RTT 50 ms", conditions{delay: 25 * ms}, 8, false},
	{"clean, RTT 200 ms", conditions{delay: 100 * ms}, 8, false},
	{"clean, RTT 200 ms, long", conditions{delay: 100 * ms}, 64, false},
	{"1 % lost, RTT 20 ms", conditions{delay: 10 * ms, loss: .01}, 8, false},
	{"1 % lost, RTT 50 ms", conditions{delay: 25 * ms, loss: .01}, 8, false},
	{"3 % lost, RTT 20 ms", conditions{delay: 10 * ms, loss: .03}, 8, false},
	{"2 % reordered, RTT 20 ms", conditions{delay: 10 * ms, reorder: .02}, 8, false},
	{"25 % reordered, RTT 20 ms", conditions{delay: 10 * ms, reorder: .25}, 8, false},
	{"3 % lost, 25 % reordered, 1 % twice, 0.5 % corrupt, RTT 4 ms", conditions{delay: 2 * ms, loss: .03, reorder: .25, duplicate: .01, corrupt: .005}, 64, false},
	{"RTT 20 ms, then 1 s", conditions{delay: 10 * ms, after: 1200, becomes: 500 * ms}, 8, false},
	{"clean, RTT 200 ms, receiver with GRO", conditions{delay: 100 * ms}, 8, true},
}

// usage is what --help shows before the flags.
const usage = `Recovery compares the goodput of dpdk's TCP with the kernel's on wires that delay,
lose and reorder. It needs root.

Examples:
  recovery --rounds 6
  recovery --only 'lost|reordered' --short --out runs.csv

Flags:
`

func run() error {
	rounds := pflag.Int("rounds", 6, "rounds; each takes all three servers")
	only := pflag.String("only", "", "rows whose name this regular `expression` matches")
	short := pflag.Bool("short", false, "a quarter of each file, and 3 rounds if --rounds is not given")
	out := pflag.String("out", "", "also write each download as a line of CSV to this `file`")
	limit := pflag.Duration("limit", 90*time.Second, "the longest time of one download; what has come by then counts")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	if *short && !pflag.CommandLine.Changed("rounds") {
		*rounds = 3
	}
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	if pflag.NArg() > 0 || *rounds < 1 {
		return errors.New("bad arguments; see --help")
	}
	if os.Geteuid() != 0 {
		return errors.New("it makes network namespaces and drives ports: run it as root")
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	dir, err := os.MkdirTemp("", "bench-recovery")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // gopoll may not be root
		return err
	}
	b := &bench{ctx: ctx, dir: dir, limit: *limit}
	if err := b.open(); err != nil {
		return err
	}
	defer b.close()
	var todo []row
	for _, r := range rows {
		if *short {
			r.mib /= 4
		}
		if chosen.MatchString(r.name) {
			todo = append(todo, r)
		}
	}
	runs := [][]string{{"row", "mib", "server", "round", "bytes_per_second"}}
	p := progress{start: time.Now(), all: len(todo) * *rounds * len(servers)}
	for i, r := range todo {
		goodput := make([][]float64, len(servers)) // by server, then round
		for round := range *rounds {
			for k := range servers {
				s := (k + round) % len(servers)
				v, err := b.download(servers[s], r, uint64(round)<<8|uint64(i))
				if err != nil {
					return fmt.Errorf("%s, %s: %w", r.name, servers[s].name, err)
				}
				goodput[s] = append(goodput[s], v)
				runs = append(runs, []string{r.name, fmt.Sprint(r.mib), servers[s].name, fmt.Sprint(round), fmt.Sprintf("%.0f", v)})
				p.step(r.name)
			}
		}
		p.clear()
		fmt.Printf("%-62s %2d MiB", r.name, r.mib)
		for s := 1; s < len(servers); s++ {
			fmt.Printf("  to %s %s", servers[s].name, ratio(goodput[0], goodput[s]))
		}
		fmt.Println()
	}
	if n := b.unfinished; n > 0 {
		fmt.Printf("%d downloads did not end within %v; what had come counts\n", n, *limit)
	}
	if *out == "" {
		return nil
	}
	return atomicfile.WriteFrom(*out, func(w io.Writer) error { return csv.NewWriter(w).WriteAll(runs) })
}

// ratio returns the ratio of goodput with its interval, and at which level the
// rounds allow one.
func ratio(x, y []float64) string {
	r, err := stats.Paired(x, y, .95)
	if err != nil {
		return fmt.Sprintf("%.2f", x[0]/y[0])
	}
	return fmt.Sprintf("%.2f [%.2f, %.2f] at %.0f %%", r.Estimate, r.Lo, r.Hi, 100*r.Exact)
}

// A progress shows how much is done and how long the rest will take.
type progress struct {
	start     time.Time
	done, all int
}

func (p *progress) step(name string) {
	p.done++
	left := time.Since(p.start) / time.Duration(p.done) * time.Duration(p.all-p.done)
	fmt.Fprintf(os.Stderr, "\r\x1b[K%d of %d downloads, %v left: %s", p.done, p.all, left.Round(time.Second), name)
}

func (p *progress) clear() { fmt.Fprint(os.Stderr, "\r\x1b[K") }

// program returns the path of one of ours.
func program(name string) string { return filepath.Join("bin", name) }
