// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"crossing/notebooks/stats"
)

// The stall test asks of a load generator what matters most in a tail: a server
// that stops for 100 ms in each second makes a tenth of its users wait. The truth
// follows by arithmetic: who comes during a stall waits until its end, who comes
// at another time is served at once; so at a stall of s in each second t, a
// share of (s − x)/t of the requests takes longer than x. For 100 ms that is a p99
// of 90 ms and a mean of 5 ms.
//
// A closed loop asks nothing while the server is stopped, and so sees one slow
// request per connection and stall, among thousands of fast ones.
const (
	stallLength = 100 * time.Millisecond
	stallEvery  = time.Second
)

// A StallRow is what one way of measuring makes of the stalls.
type StallRow struct {
	Name string `json:"name"`
	Note string `json:"note"`
	Latency
}

// A span is a time during which the server was surely stopped, CLOCK_MONOTONIC.
type span struct{ from, to int64 }

// Stall stops a null server for 100 ms in each second and has it measured by every
// way there is: what arithmetic says, this package's open loop, the same with
// wrk2's millisecond timer, its closed loop, that corrected as wrk does, and wrk and
// wrk2 themselves where they are installed. Rate is that of the open loops; clients
// and server run on the given CPUs (-1: any).
func Stall(ctx context.Context, d time.Duration, connections int, rate float64, serverCPU, clientCPU int) (rows []StallRow, err error) {
	target, err := StartNull(ctx, netip.MustParseAddrPort("127.0.0.1:0"), serverCPU, 100, true, nil)
	if err != nil {
		return nil, err
	}
	defer target.Close()
	c := Config{
		Target: target.Addr, Connections: connections, BodyLen: 100, Duration: d, Jitter: -1, Seed: 1, MaxRate: 400000,
	}
	if clientCPU >= 0 {
		c.CPUs = []int{clientCPU}
	}
	url := fmt.Sprintf("http://%v/", target.Addr)

	open, stops, err := stalled(ctx, target, c, Poisson{rate}, Hybrid)
	if err != nil {
		return nil, err
	}
	s := open.Summary()
	rows = append(rows,
		StallRow{"arithmetic", "wait until the end of the stall, from the schedule and the times of the stalls", truth(open, stops)},
		StallRow{"open loop", "this load generator; response time", s.Response},
		StallRow{"open loop's service time", "the same run, counted from the send", s.Service})
	tick, _, err := stalled(ctx, target, c, Poisson{rate}, Tick)
	if err != nil {
		return nil, err
	}
	rows = append(rows, StallRow{"open loop, ms timer", "timed as by wrk2", tick.Summary().Response})
	closed, _, err := stalled(ctx, target, c, nil, Hybrid)
	if err != nil {
		return nil, err
	}
	rows = append(rows,
		StallRow{"closed loop", "every request, as measured", closed.Summary().Response},
		StallRow{"closed loop, corrected", "the same run with wrk's synthetic latencies", corrected(closed)})
	// wrk2 throws away what it saw in its first ten seconds.
	for _, tool := range []struct {
		name string
		argv []string
	}{
		{"wrk", []string{"wrk", "-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%.0f", d.Seconds()), "--latency", url}},
		{"wrk2", []string{"wrk2", "-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-R%.0f", rate), fmt.Sprintf("-d%.0f", d.Seconds()+10), "--latency", url}},
	} {
		if _, err := exec.LookPath(tool.argv[0]); errors.Is(err, exec.ErrNotFound) {
			rows = append(rows, StallRow{Name: tool.name, Note: "not installed"})
			continue
		}
		row, err := foreign(ctx, target, tool.name, tool.argv, clientCPU)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, ctx.Err()
}

// stalled makes a run against a server that is stopped again and again.
func stalled(ctx context.Context, target *NullServer, c Config, schedule Schedule, mode Mode) (*Result, []span, error) {
	c.Schedule, c.Mode = schedule, mode
	end := stopAndGo(target.PID())
	r, err := Run(ctx, c)
	return r, end(), err
}

// stopAndGo stops a process for stallLength in each stallEvery until the function
// that it returns is called, which returns when the process was surely stopped.
func stopAndGo(pid int) func() []span {
	quit, done := make(chan struct{}), make(chan []span)
	go func() {
		runtime.LockOSThread()
		unix.Setpriority(unix.PRIO_PROCESS, 0, -20) // if allowed: so that stalls are as long as they should be
		var spans []span
		for {
			select {
			case <-quit:
				done <- spans
				return
			case <-time.After(stallEvery - stallLength):
			}
			if unix.Kill(pid, unix.SIGSTOP) != nil {
				continue
			}
			from := now()
			time.Sleep(stallLength)
			to := now()
			unix.Kill(pid, unix.SIGCONT)
			spans = append(spans, span{from, to})
		}
	}()
	return func() []span {
		close(quit)
		return <-done
	}
}

// truth is what arithmetic says of the run's schedule: who was due during a stall
// waits until its end, all others take no time.
func truth(r *Result, stops []span) Latency {
	var waits []int64
	for i := range r.Requests {
		q := &r.Requests[i]
		if q.WarmUp {
			continue
		}
		due, wait := q.IntendedNs+r.OriginNs, int64(0)
		for _, s := range stops {
			if due >= s.from && due < s.to {
				wait = s.to - due
			}
		}
		waits = append(waits, wait)
	}
	return Describe(waits)
}

// corrected applies wrk's correction to a closed loop's rows.
func corrected(r *Result) Latency {
	var ns []int64
	for i := range r.Requests {
		if q := &r.Requests[i]; q.OK() && !q.WarmUp {
			ns = append(ns, q.ServiceNs())
		}
	}
	s := stats.NewWrkStats(ns)
	s.Correct(stats.WrkInterval(r.Elapsed, len(ns), r.Connections))
	at := func(p float64) int64 { return int64(s.Percentile(p)) * 1000 }
	return Latency{Mean: s.Mean() * 1000, P50: at(50), P75: at(75), P90: at(90), P99: at(99), P999: at(99.9), Max: int64(s.Max()) * 1000}
}

var (
	printed     = regexp.MustCompile(`(?m)^ +([\d.]+)% +([\d.]+)(us|ms|s)\b`)
	printedMean = regexp.MustCompile(`(?m)^ +Latency +([\d.]+)(us|ms|s) +\S+ +([\d.]+)(us|ms|s)`)
)

// foreign runs wrk or wrk2 against the stalled server and reads what it prints.
func foreign(ctx context.Context, target *NullServer, name string, argv []string, cpu int) (row StallRow, err error) {
	end := stopAndGo(target.PID())
	defer end()
	if cpu >= 0 {
		argv = append([]string{"taskset", "-c", strconv.Itoa(cpu)}, argv...)
	}
	text, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return row, fmt.Errorf("%s: %w: %s", name, err, text)
	}
	row = StallRow{name, "as it prints them", readPrinted(text)}
	if row.P99 == 0 {
		return row, fmt.Errorf("%s printed no percentiles: %s", name, text)
	}
	return row, nil
}

// readPrinted reads the latencies from what wrk or wrk2 prints with --latency.
func readPrinted(text []byte) (l Latency) {
	if m := printedMean.FindSubmatch(text); m != nil {
		l.Mean, l.Max = float64(printedNs(m[1], m[2])), printedNs(m[3], m[4])
	}
	for _, m := range printed.FindAllSubmatch(text, -1) {
		percent, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			continue
		}
		ns := printedNs(m[2], m[3])
		switch {
		case percent == 50:
			l.P50 = ns
		case percent == 75:
			l.P75 = ns
		case percent == 90:
			l.P90 = ns
		case percent == 99:
			l.P99 = ns
		case math.Abs(percent-99.9) < 1e-9:
			l.P999 = ns
		}
	}
	return l
}

func printedNs(value, unit []byte) int64 {
	x, _ := strconv.ParseFloat(string(value), 64)
	return int64(x * map[string]float64{"us": 1e3, "ms": 1e6, "s": 1e9}[string(unit)])
}
