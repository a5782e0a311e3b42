// SPDX-License-Identifier: Apache-2.0

// Dpdkload asks an HTTP server in a closed loop on N connections from a port
// that DPDK drives: no kernel on the client's side, so that its cost does not
// hide the server's.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"crossing/servers/bypass/port"

	"github.com/spf13/pflag"
)

type options struct {
	port     string
	ip       netip.Addr
	to       netip.AddrPort
	warmUp   time.Duration
	duration time.Duration
	rows     string
	echo     bool
	size     int
	inFlight int
	host     string
	requests uint64
}

// A Result is what a run has found. Times are in nanoseconds.
type Result struct {
	Conns      int     `json:"conns"`
	Path       string  `json:"path"`
	Seconds    float64 `json:"seconds"`
	Answers    uint64  `json:"answers"`
	Rate       float64 `json:"rate"`  // answers per second
	Bytes      uint64  `json:"bytes"` // of bodies
	MeanNs     float64 `json:"mean_ns"`
	P50Ns      int64   `json:"p50_ns"`
	P90Ns      int64   `json:"p90_ns"`
	P99Ns      int64   `json:"p99_ns"`
	MaxNs      int64   `json:"max_ns"`
	Occupancy  float64 `json:"occupancy"` // rate × mean latency / requests on the way at most: below 0.97 the client was slow
	Opened     int     `json:"opened"`
	NotOK      uint64  `json:"not_ok"` // answers that were not 200
	Again      uint64  `json:"again"`  // requests sent again
	Bad        uint64  `json:"bad"`
	Reset      uint64  `json:"reset"`
	OutOfOrder uint64  `json:"out_of_order"`
	Wire       string  `json:"wire"`      // kind of the port: af_xdp, memif, ...
	CPUNs      int64   `json:"cpu_ns"`    // of the polling thread, warm-up included
	OriginNs   int64   `json:"origin_ns"` // --rows: CLOCK_MONOTONIC at the start of the warm-up
	Full       bool    `json:"full"`      // --rows: there was no room for more, so the run ended early
}

// wire is what the port is on.
func (o *options) wire() string {
	kind, _, _ := strings.Cut(o.port, ":")
	kind, _, _ = strings.Cut(kind, "-client")
	kind, _, _ = strings.Cut(kind, "-server")
	return kind
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "dpdkload:", err)
		os.Exit(1)
	}
}

// usage is what --help shows before the flags.
const usage = `Dpdkload is a closed-loop client without the kernel, on a port that DPDK drives.

Examples:
  dpdkload --port memif-client:/tmp/memif --source 10.0.0.2 --target 10.0.0.3:80 --connections 1,16,64
  dpdkload --port af_xdp:vc0 --source 10.0.0.2 --target 10.0.0.3:80 --path /1M --duration 10s

Flags:
`

func run() error {
	var o options
	pflag.StringVar(&o.port, "port", "", "port, as af_xdp:IFACE, af_packet:IFACE, memif-client:SOCKET")
	ip := pflag.String("source", "", "this end's IPv4 `address`; the kernel must not have it")
	to := pflag.String("target", "", "the server's `address`, as 10.0.0.3:80")
	paths := pflag.String("path", "/100", "path to request; several, with commas, one run after the other")
	conns := pflag.String("connections", "1", "connections, up to 50000; several numbers, with commas, run one after the other")
	pflag.IntVar(&o.inFlight, "in-flight", 1024, "requests on the way at most, so that no queue between the ends overruns; with more connections the others wait their turn, which is not counted")
	pflag.DurationVar(&o.warmUp, "warmup", 500*time.Millisecond, "time before it counts")
	pflag.DurationVar(&o.duration, "duration", 2*time.Second, "time that counts")
	pflag.Uint64Var(&o.requests, "requests", 0, "end after this number of counted responses, if that is sooner")
	pflag.StringVar(&o.rows, "rows", "", "write each request to this `file` (servers/clientrow describes its rows); harness load --client reads it")
	pflag.StringVar(&o.host, "host", "", "Host field (default: the server's address)")
	pflag.BoolVar(&o.echo, "echo", false, "no TCP: send frames to l2echo and time their return, --connections of them at a time")
	pflag.IntVar(&o.size, "size", 300, "length of the frames for --echo")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	var err error
	if o.ip, err = netip.ParseAddr(*ip); err != nil || !o.ip.Is4() {
		return fmt.Errorf("--source %q: an IPv4 address is wanted", *ip)
	}
	if o.to, err = netip.ParseAddrPort(*to); err != nil || !o.to.Addr().Is4() {
		return fmt.Errorf("--target %q: an IPv4 address and port is wanted", *to)
	}
	if o.host == "" {
		o.host = o.to.Addr().String()
	}
	if strings.ContainsAny(o.host+*paths, " \r\n") {
		return errors.New("--host and --path: no spaces or ends of lines")
	}
	if pflag.NArg() > 0 {
		return errors.New("bad arguments; see --help")
	}
	var runs []cell
	for path := range strings.SplitSeq(*paths, ",") {
		for n := range strings.SplitSeq(*conns, ",") {
			k, err := strconv.Atoi(n)
			if err != nil || k < 1 || k > 50000 {
				return fmt.Errorf("--connections %q: numbers from 1 to 50000 are wanted", *conns)
			}
			runs = append(runs, cell{path, k})
		}
	}
	if o.rows != "" && len(runs) > 1 {
		return errors.New("--rows takes the requests of one run: give one path and one number of connections")
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(4 << 30)
	stop := port.StopOnSignal()
	out := json.NewEncoder(os.Stdout)
	return load(&o, runs, stop, func(r *Result) error { return out.Encode(r) })
}

// A cell is one run.
type cell struct {
	path  string
	conns int
}
