// SPDX-License-Identifier: Apache-2.0

package main

import (
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
	"golang.org/x/sys/unix"

	"crossing/harness/load"
)

// A loadOptions is what `harness load` was asked for.
type loadOptions struct {
	load.Config
	mode, arrivals, trace string
	rate                  float64
	json, allowRemote     bool
	out, until            string
	most                  int
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
seen by few requests. With --rate the loop is open: requests come when they come,
as from many users, and each is timed from when it was due.`,
		Example: `  harness load -c 8 -d 10s http://127.0.0.1:8080/100
  harness load -c 64 --rate 20000 http://127.0.0.1:8080/100
  harness load -c 8 -d 2s --json http://127.0.0.1:8080/100
  harness load -c 8 -d 2s --until p99±5% --out mydata http://127.0.0.1:8080/100
  harness load -c 16 -d 2s --out mydata --client "bin/dpdkload -port memif-client:/tmp/m -ip 10.78.0.4" http://10.78.0.3/100`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.url = args[0]
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.flags(c)
	f := c.Flags()
	f.Float64Var(&o.rate, "rate", 0, "open loop with so many requests per second")
	f.StringVar(&o.arrivals, "arrivals", "poisson", "with --rate: poisson or fixed")
	f.StringVar(&o.trace, "trace", "", "open loop with the arrivals of a file, one time in seconds per line")
	f.StringVar(&o.until, "until", "", "repeat the run until a figure is known well enough over runs, such as p99±5% (+- may stand for ±)")
	f.IntVar(&o.most, "max-runs", 30, "with --until: the most runs")
	f.StringVar(&o.at, "at", "", "start at this time (RFC 3339, such as 2030-01-02T15:04:05Z), as the parts of one load on several hosts do")
	f.StringVar(&o.client, "client", "", "let this program make the load, such as bin/dpdkload with its -port and -ip: a closed loop with no kernel on the client's side")
	f.StringVar(&o.out, "out", "", "write a dataset into this new folder, every request a row")
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
	f.BoolVar(&o.allowRemote, "allow-remote", false, "load an address that is neither loopback nor of a testbed (10.78.0.0/16)")
}

// loadWorkerCmds are the commands by which package load starts this program
// again.
func loadWorkerCmds() []*cobra.Command {
	return []*cobra.Command{
		{Use: load.WorkerArg, Hidden: true, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return load.Worker() }},
		{Use: load.NullArg, Hidden: true, Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error { return load.Null(args[0]) }},
	}
}

func (o *loadOptions) run(ctx context.Context, out, progress io.Writer) error {
	if err := o.prepare(ctx); err != nil {
		return err
	}
	if f, ok := progress.(*os.File); ok && isTerminal(f) {
		o.Progress = showProgress(f, o.WarmUp+o.Duration)
		defer clearLine(f)
	}
	if o.until != "" {
		return o.repeat(ctx, out, progress)
	}
	r, err := o.once(ctx)
	if err != nil {
		return err
	}
	if err := o.store(r); err != nil {
		return err
	}
	s, d := r.Summary(), r.Diagnose()
	if o.json {
		err = printJSON(out, struct {
			load.Summary
			load.Diagnosis
		}{s, d})
	} else {
		clearLine(progress)
		r.Print(out, &s)
		d.Print(out)
	}
	if err == nil && s.Rejected {
		return errors.New("the run is rejected")
	}
	return err
}

// once makes one run, by a program of its own if one was named.
func (o *loadOptions) once(ctx context.Context) (*load.Result, error) {
	if o.client != "" {
		return load.RunClient(ctx, o.Config, strings.Fields(o.client))
	}
	return load.Run(ctx, o.Config)
}

// repeat makes runs until --until is satisfied.
func (o *loadOptions) repeat(ctx context.Context, out, progress io.Writer) error {
	p, err := load.ParsePrecision(o.until)
	if err != nil {
		return err
	}
	var results []*load.Result
	rep, err := load.Until(ctx, o.Config, p, o.most, func(r *load.Result, s *load.Summary, rep *load.Replication) {
		if o.out != "" {
			results = append(results, r)
		}
		if !o.json {
			clearLine(progress)
			fmt.Fprintf(out, "run %2d: %9.0f requests/s, response p50 %s, p99 %s", len(rep.Values), s.Rate, ns(s.Response.P50), ns(s.Response.P99))
			if len(rep.Values) > 1 {
				fmt.Fprintf(out, "; mean %s of the runs %s, 95 %% %s to %s", p.Figure, p.Text(rep.Mean), p.Text(rep.Low), p.Text(rep.High))
			}
			fmt.Fprintln(out)
			for _, w := range s.Warnings {
				fmt.Fprintln(out, "        warning:", w)
			}
		}
	})
	if err != nil {
		return err
	}
	if err := o.store(results...); err != nil {
		return err
	}
	if o.json {
		return printJSON(out, rep)
	}
	if !rep.Reached {
		return fmt.Errorf("%s is not known to ±%g %% after %d runs: make longer runs, or allow more (--max-runs)", p.Figure, 100*p.Within, len(rep.Values))
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// clearLine takes the progress off a terminal.
func clearLine(w io.Writer) {
	if f, ok := w.(*os.File); ok && isTerminal(f) {
		fmt.Fprint(f, "\r\x1b[K")
	}
}

// prepare makes the configuration from the flags.
func (o *loadOptions) prepare(ctx context.Context) (err error) {
	if o.Mode, err = load.ParseMode(o.mode); err != nil {
		return err
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
		if o.Schedule, err = load.ReadTrace(o.trace, f); err != nil {
			return err
		}
	case o.rate != 0 && o.arrivals == "poisson":
		o.Schedule = load.Poisson{Rate: o.rate}
	case o.rate != 0 && o.arrivals == "fixed":
		o.Schedule = load.Fixed{Rate: o.rate}
	case o.rate != 0:
		return fmt.Errorf("--arrivals %q: want poisson or fixed", o.arrivals)
	}
	return nil
}

// own are the testbeds' addresses.
var own = netip.MustParsePrefix("10.78.0.0/16")

// aim finds the target's address, and refuses one that is not ours to load.
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
			return fmt.Errorf("%s: port %s is none", o.url, u.Port())
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
	if !o.allowRemote && !addr.IsLoopback() && !own.Contains(addr) {
		return fmt.Errorf("%v is neither loopback nor an address of a testbed (%v): pass --allow-remote if that server is yours to load", addr, own)
	}
	o.Target, o.Host, o.Path = netip.AddrPortFrom(addr, uint16(port)), u.Host, u.RequestURI()
	return nil
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// showProgress returns a function that draws one line and draws it again.
func showProgress(w io.Writer, total time.Duration) func(time.Duration, int64) {
	var lastAt time.Duration
	var lastDone int64
	return func(at time.Duration, done int64) {
		if at < lastAt {
			lastAt, lastDone = 0, 0 // the next run
		}
		if at <= lastAt {
			return
		}
		rate := float64(done-lastDone) / (at - lastAt).Seconds()
		lastAt, lastDone = at, done
		const width = 30
		full := min(width, int(width*at/total))
		fmt.Fprintf(w, "\r\x1b[K[%-*s] %4.1f of %.1f s  %9.0f requests/s  %d done", width, bar[:full], min(at, total).Seconds(), total.Seconds(), rate, done)
	}
}

const bar = "=============================="
