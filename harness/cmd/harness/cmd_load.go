// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/vishvananda/netlink"

	"crossing/harness/doctor"
	"crossing/harness/load"
	"crossing/harness/machine"
	"crossing/harness/testbed"
	"crossing/internal/atomicfile"
)

// A loadOptions is what `harness load` was asked for.
type loadOptions struct {
	load.Config
	mode, arrivals, trace string
	rate                  float64
	json, allowRemote     bool
	out, until, hgrm      string
	most                  int
	concurrent            bool
	at                    string
	client                string
	url                   string
}

func loadCmd() *cobra.Command {
	o := &loadOptions{}
	c := &cobra.Command{
		Use:   "load [flags] URL",
		Short: "Load a server and record every request",
		Long: `Load a server over kept-alive HTTP/1.1 connections and record every request.

Without --rate the loop is closed: every connection always has one request
outstanding, and a stall of the server also stops the load, so that the stall is
seen by few requests. With --rate the loop is open: requests arrive independently
of responses, as from many users, and each is timed from when it was due.

The exit status is 0 only if the run can be used: it is 1 where the run is
rejected or --until is not reached.`,
		Example: `  harness load -c 8 -d 10s http://127.0.0.1:8080/100
  harness load -c 64 --rate 20000 http://127.0.0.1:8080/100
  harness load -c 8 -d 2s --json http://127.0.0.1:8080/100
  harness load -c 8 -d 2s --until p99±5% --out mydata http://127.0.0.1:8080/100
  harness load -c 16 -d 2s --out mydata --client "bin/dpdkload --port memif-client:/tmp/m --source 10.78.0.4" http://10.78.0.3/100`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.url = args[0]
			if err := o.consistent(cmd.Flags()); err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.flags(c)
	f := c.Flags()
	f.Float64Var(&o.rate, "rate", 0, "open-loop request rate, requests/s")
	f.StringVar(&o.arrivals, "arrivals", "poisson", "with --rate: poisson or fixed")
	f.StringVar(&o.trace, "trace", "", "open loop with the arrivals of a file, one time in seconds per line")
	f.StringVar(&o.until, "until", "", "repeat the run until the 95 % interval of a figure is within a percentage of its mean, such as p99±5% (or p99+-5%)")
	f.IntVar(&o.most, "max-runs", 30, "with --until: the most runs")
	f.StringVar(&o.at, "at", "", "start at this time (RFC 3339, such as 2030-01-02T15:04:05Z), as the parts of one load on several hosts do")
	f.StringVar(&o.client, "client", "", "make the load by this program, such as bin/dpdkload: a closed loop without a kernel on the client's side")
	f.StringVar(&o.out, "out", "", "write a dataset into this new folder, every request a row")
	f.StringVar(&o.hgrm, "hgrm", "", "write the response times as an HdrHistogram percentile table (.hgrm, in µs) to this file")
	c.AddCommand(loadLadderCmd(), loadStallCmd())
	return c
}

// flags adds what every kind of run has.
func (o *loadOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.IntVarP(&o.Connections, "connections", "c", 10, "kept-alive connections")
	f.DurationVarP(&o.Duration, "duration", "d", 10*time.Second, "measured part of the run")
	f.DurationVar(&o.WarmUp, "warmup", time.Second, "load before it, recorded but not counted")
	f.DurationVar(&o.Timeout, "timeout", 2*time.Second, "longest wait for a response")
	f.IntVarP(&o.Workers, "workers", "t", 1, "client processes, each with its share of the connections")
	f.IntSliceVar(&o.CPUs, "cpus", nil, "CPUs to pin the workers to, in turn")
	f.StringVar(&o.mode, "mode", "hybrid", "how to wait: hybrid (poll a little, then sleep), spin, block, tick")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the arrivals")
	f.StringArrayVarP(&o.Fields, "header", "H", nil, `header field to add, "Name: value"`)
	f.IntVar(&o.Status, "status", 200, "status that every response must have")
	f.Int64Var(&o.BodyLen, "length", -1, "length in bytes that every body must have; -1: any")
	f.IntVar(&o.MaxRate, "max-rate", 0, "requests per second and worker to reserve memory for, 72 B each (default 250000, less on a small machine)")
	f.BoolVar(&o.Stamps, "stamps", false, "ask the kernel when each response came, and show the client's own share")
	f.BoolVar(&o.json, "json", false, "print the result as JSON, times in ns")
	f.BoolVar(&o.allowRemote, "allow-remote", false, "load an address that is neither loopback nor on a testbed's link")
	f.BoolVar(&o.concurrent, "concurrent", false, "measure although another measurement is running on this machine")
}

// hiddenCmds are the commands by which packages start this program again.
func hiddenCmds() []*cobra.Command {
	return []*cobra.Command{
		{Use: load.WorkerArg, Hidden: true, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return load.Worker() }},
		{Use: doctor.TryArg, Hidden: true, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return testbed.Try() }},
		{Use: load.NullArg, Hidden: true, Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error { return load.Null(args[0]) }},
	}
}

// consistent returns an error if flags contradict each other.
func (o *loadOptions) consistent(f *pflag.FlagSet) error {
	switch {
	case f.Changed("rate") && !(o.rate > 0 && o.rate < 1e9):
		return fmt.Errorf("--rate %g: must be above 0", o.rate)
	case f.Changed("arrivals") && o.rate == 0:
		return errors.New("--arrivals is for open loops: give a --rate")
	case o.most < 1:
		return fmt.Errorf("--max-runs %d: at least 1", o.most)
	case f.Changed("max-runs") && o.until == "":
		return errors.New("--max-runs is for --until")
	case o.hgrm != "" && o.until != "":
		return errors.New("--hgrm and --until exclude each other: a histogram is of one run")
	}
	return nil
}

// flagOf is the flag that sets a field of load.Config.
var flagOf = map[string]string{
	"Target": "URL", "Host": "URL", "Path": "URL", "Fields": "--header", "Connections": "--connections", "Mode": "--mode",
	"Duration": "--duration", "WarmUp": "--warmup", "Timeout": "--timeout", "Workers": "--workers", "CPUs": "--cpus",
	"BodyLen": "--length", "Status": "--status", "MaxRate": "--max-rate",
}

// flagged names the flags in place of the fields of load.Config.
func flagged(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var lines []string
	for _, e := range joined.Unwrap() {
		var field *load.FieldError
		if !errors.As(e, &field) {
			return err
		}
		lines = append(lines, flagOf[field.Field]+" "+field.Want)
	}
	return errors.New(strings.Join(lines, "; "))
}

func (o *loadOptions) run(ctx context.Context, out, progress io.Writer) error {
	if err := o.prepare(ctx); err != nil {
		return err
	}
	if !o.concurrent {
		release, err := machine.Lock()
		if err != nil {
			return fmt.Errorf("%w; wait for it, or pass --concurrent", err)
		}
		defer release()
	}
	// Before the load: nothing measured is lost to a place that cannot be written.
	store, err := o.create()
	if err != nil {
		return err
	}
	defer store.close()
	if o.hgrm != "" {
		if err := atomicfile.Write(o.hgrm, nil); err != nil {
			return fmt.Errorf("--hgrm: %w", err)
		}
	}
	bar := runBar(progress, o.WarmUp+o.Duration)
	o.Progress = bar.show
	if o.until != "" {
		return o.repeat(ctx, out, bar, store)
	}
	r, err := o.once(ctx)
	bar.clear()
	if err != nil {
		return flagged(err)
	}
	s, d := r.Summary(), r.Diagnose()
	if o.json {
		err = printJSON(out, struct {
			load.Summary
			load.Diagnosis
		}{s, d})
	} else {
		err = printed(out, func(w io.Writer) { r.Print(w, &s); d.Print(w) })
	}
	err = errors.Join(err, store.add(r), store.finish())
	if o.hgrm != "" {
		err = errors.Join(err, writeHGRM(o.hgrm, r))
	}
	if err == nil && s.Rejected {
		return errors.New("the run is rejected")
	}
	return err
}

// printed prints a text, and returns what failed: a full disk behind a redirected
// output must not pass for success.
func printed(out io.Writer, print func(io.Writer)) error {
	var b bytes.Buffer
	print(&b)
	_, err := b.WriteTo(out)
	return err
}

// writeHGRM writes the response times of the answered requests of the measured
// part, in µs.
func writeHGRM(name string, r *load.Result) error {
	var h load.Histogram
	for i := range r.Requests {
		if q := &r.Requests[i]; q.OK() && !q.WarmUp {
			h.Add(q.ResponseNs())
		}
	}
	return atomicfile.WriteFrom(name, func(w io.Writer) error {
		_, err := h.HDR().PercentilesPrint(w, 5, 1000)
		return err
	})
}

// once makes one run, by a program of its own if one was named.
func (o *loadOptions) once(ctx context.Context) (*load.Result, error) {
	if o.client != "" {
		return load.RunClient(ctx, o.Config, strings.Fields(o.client))
	}
	return load.Run(ctx, o.Config)
}

// repeat makes runs until --until is satisfied. Each is stored when it is made.
func (o *loadOptions) repeat(ctx context.Context, out io.Writer, bar *loadBar, store *store) error {
	p, err := load.ParsePrecision(o.until)
	if err != nil {
		return err
	}
	var failed error
	made := 0
	rep, err := load.Until(ctx, o.Config, p, o.most, func(r *load.Result, s *load.Summary, rep *load.Replication) {
		made++
		failed = errors.Join(failed, store.add(r))
		if o.json {
			return
		}
		bar.clear()
		fmt.Fprintf(out, "run %2d: %9.0f requests/s, response p50 %s, p99 %s", made, s.Rate, ns(s.Response.P50), ns(s.Response.P99))
		if len(rep.Values) > 1 {
			fmt.Fprintf(out, "; mean %s of the runs %s, 95 %% %s to %s", p.Figure, p.Text(rep.Mean), p.Text(rep.Low), p.Text(rep.High))
		}
		fmt.Fprintln(out)
		for _, w := range s.Warnings {
			fmt.Fprintln(out, "        warning:", w)
		}
	})
	bar.clear()
	if err != nil {
		return errors.Join(flagged(err), failed)
	}
	if o.json {
		failed = errors.Join(failed, printJSON(out, rep))
	}
	if err := errors.Join(failed, store.finish()); err != nil {
		return err
	}
	switch {
	case len(rep.Values) == 0:
		return fmt.Errorf("none of %d runs can be used", made)
	case !rep.Reached:
		return fmt.Errorf("%s is not known to ±%g %% after %d usable runs of %d: make longer runs, or allow more (--max-runs)", p.Figure, 100*p.Within, len(rep.Values), made)
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// prepare makes the configuration from the flags.
func (o *loadOptions) prepare(ctx context.Context) (err error) {
	if o.Mode, err = load.ParseMode(o.mode); err != nil {
		return fmt.Errorf("--mode: %w", err)
	}
	if err := o.aim(ctx); err != nil {
		return err
	}
	if o.client != "" && o.until != "" {
		return errors.New("--client and --until exclude each other: net_memif wants a new server for each client")
	}
	if o.at != "" {
		if o.Start, err = time.Parse(time.RFC3339Nano, o.at); err != nil {
			return fmt.Errorf("--at: %w", err)
		}
		if o.until != "" {
			return errors.New("--at and --until exclude each other: only one run can start then")
		}
	}
	switch {
	case o.trace != "" && o.rate != 0:
		return errors.New("--rate and --trace exclude each other")
	case o.trace != "":
		f, err := os.Open(o.trace)
		if err != nil {
			return err
		}
		defer f.Close()
		trace, err := load.ReadTrace(o.trace, f)
		if err != nil {
			return err
		}
		if last := trace.At[len(trace.At)-1]; last < o.WarmUp+o.Duration {
			return fmt.Errorf("--trace %s ends after %v, before the run does (%v of warm-up, %v measured): shorten the run", o.trace, last, o.WarmUp, o.Duration)
		}
		o.Schedule = trace
	case o.rate != 0 && o.arrivals == "poisson":
		o.Schedule = load.Poisson{Rate: o.rate}
	case o.rate != 0 && o.arrivals == "fixed":
		o.Schedule = load.Fixed{Rate: o.rate}
	case o.rate != 0:
		return fmt.Errorf("--arrivals %q: want poisson or fixed", o.arrivals)
	}
	return nil
}

// aim finds the target's address, and refuses one that may be somebody else's.
func (o *loadOptions) aim(ctx context.Context) error {
	u, err := url.Parse(o.url)
	if err != nil || u.Hostname() == "" {
		return fmt.Errorf("%q: want a URL like http://127.0.0.1:8080/100", o.url)
	}
	if u.Scheme != "http" {
		return fmt.Errorf("%s: only http is measured, not %s", o.url, u.Scheme)
	}
	port := 80
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return fmt.Errorf("%s: invalid port %q", o.url, u.Port())
		}
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return fmt.Errorf("%s: %w", o.url, err)
	}
	addr := addrs[0].Unmap()
	if i := slices.IndexFunc(addrs, func(a netip.Addr) bool { return a.Unmap().Is4() }); i >= 0 {
		addr = addrs[i].Unmap()
	}
	if u.User != nil {
		return fmt.Errorf("%s: user and password are not sent; pass --header 'Authorization: …'", u.Redacted())
	}
	if !o.allowRemote && !ours(addr, o.client != "") {
		return fmt.Errorf("%v is neither loopback nor on the link of a testbed: pass --allow-remote if that server is yours to load", addr)
	}
	o.Target, o.Host, o.Path = netip.AddrPortFrom(addr, uint16(port)), u.Host, u.RequestURI()
	return nil
}

// testbeds are the addresses that testbeds use.
var testbeds = netip.MustParsePrefix("10.78.0.0/16")

// ours reports whether traffic to the address stays on this machine for certain:
// the routing table sends it to loopback, or straight to a link that a testbed
// made. A client program of its own has no kernel's routes; then the testbeds'
// addresses are trusted.
func ours(addr netip.Addr, ownClient bool) bool {
	if addr.IsUnspecified() {
		return false
	}
	if addr.IsLoopback() || ownClient && testbeds.Contains(addr) {
		return true
	}
	routes, err := netlink.RouteGet(addr.AsSlice())
	if err != nil || len(routes) == 0 {
		return false
	}
	for _, r := range routes {
		link, err := netlink.LinkByIndex(r.LinkIndex)
		if err != nil {
			return false
		}
		a := link.Attrs()
		if a.Flags&net.FlagLoopback == 0 && (r.Gw != nil || a.Alias != testbed.Alias) {
			return false
		}
	}
	return true
}
