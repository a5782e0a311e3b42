// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crossing/data/dataset"
)

// TestStall stops a server and checks, by causes and not by the clock, that the
// open loop tells the truth: whatever was due while the server could not answer
// was answered after it could again, and counts from when it was due. The closed
// loop can only have as many slow requests as connections.
func TestStall(t *testing.T) {
	target := null(t, 100, true)
	c := Config{Target: target.Addr, Connections: 4, BodyLen: 100, Duration: 2500 * time.Millisecond, Jitter: -1, Seed: 2, MaxRate: 200000}
	const settle = 20 * time.Millisecond // a stop reaches a running process after a moment

	open, stops, err := stalled(t.Context(), target, c, Poisson{500}, Block)
	if err != nil {
		t.Fatal(err)
	}
	if len(stops) == 0 {
		t.Fatal("the server was never stopped")
	}
	caught := 0
	for i := range open.Requests {
		q := &open.Requests[i]
		for _, s := range stops {
			from, to := s.from+int64(settle)-open.OriginNs, s.to-open.OriginNs
			if q.Failure != dataset.None || q.IntendedNs < from || q.IntendedNs >= to {
				continue
			}
			caught++
			if q.LastByteNs < to || q.ResponseNs() < to-q.IntendedNs {
				t.Errorf("due %v before the end of a stall, took %v", time.Duration(to-q.IntendedNs), time.Duration(q.ResponseNs()))
			}
		}
	}
	if caught < 20*len(stops) {
		t.Errorf("%d requests were due in %d stalls of 100 ms, at 500/s", caught, len(stops))
	}
	// So no quantile can be below what arithmetic says of the waits alone.
	want, got := truth(open, stops), open.Summary().Response
	if got.P99 < want.P99-int64(settle) || want.P99 < int64(50*time.Millisecond) {
		t.Errorf("p99 %v, arithmetic says %v", time.Duration(got.P99), time.Duration(want.P99))
	}

	closed, stops, err := stalled(t.Context(), target, c, nil, Block)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stops {
		from, to := s.from+int64(settle)-closed.OriginNs, s.to-closed.OriginNs
		n := 0
		for i := range closed.Requests {
			if q := &closed.Requests[i]; q.SentNs < to && q.LastByteNs >= to && q.SentNs >= 0 && q.LastByteNs-q.SentNs > to-from-int64(settle) {
				n++
			}
		}
		if n > c.Connections {
			t.Errorf("%d requests of %d connections waited for one stall", n, c.Connections)
		}
	}
}

func TestPrecision(t *testing.T) {
	for s, want := range map[string]Precision{
		"p99±5%": {"p99", .05}, "p99+-5%": {"p99", .05}, "rate±0.5%": {"rate", .005}, "p99.9+/-10%": {"p99.9", .1}, "mean±2%": {"mean", .02},
	} {
		if got, err := ParsePrecision(s); err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "p99", "p98±5%", "p99±%", "p99±0%", "p99±5", "99±5%"} {
		if _, err := ParsePrecision(s); err == nil {
			t.Errorf("%q: no error", s)
		}
	}
}

// TestUntil repeats runs, and stops when it may.
func TestUntil(t *testing.T) {
	c := Config{Target: null(t, 100, true).Addr, Connections: 2, Mode: Block, BodyLen: 100, Duration: 50 * time.Millisecond, Jitter: -1, Schedule: Fixed{200}}
	runs := 0
	rep, err := Until(t.Context(), c, Precision{"rate", 100}, 9, func(*Result, *Summary, *Replication) { runs++ })
	if err != nil || runs < fewestRuns || !rep.Reached || len(rep.Values) != fewestRuns { // a rejected run is made up for
		t.Errorf("%d runs, %+v, %v", runs, rep, err)
	}
	rep, err = Until(t.Context(), c, Precision{"mean", 1e-9}, 3, nil)
	if err != nil || rep.Reached || len(rep.Values) > 3 || len(rep.Values) > 1 && (rep.Low >= rep.Mean || rep.High <= rep.Mean) {
		t.Errorf("%+v, %v", rep, err)
	}
}

// TestLadder finds the capacity of a server and climbs to it.
func TestLadder(t *testing.T) {
	c := Config{Target: null(t, 100, true).Addr, Connections: 2, Mode: Block, BodyLen: 100, Duration: 60 * time.Millisecond, Jitter: -1, MaxRate: 200000}
	tried := 0
	capacity, err := Capacity(t.Context(), c, func(Step) { tried++ })
	if err != nil || capacity <= 0 || tried != trials {
		t.Fatalf("%g/s after %d trials, %v", capacity, tried, err)
	}
	steps, err := Ladder(t.Context(), c, capacity, []float64{.1, .5}, nil)
	if err != nil || len(steps) != 2 || steps[1].Rate != .5*capacity || steps[0].Summary.Requests == 0 {
		t.Errorf("%d steps, %v", len(steps), err)
	}
}

// TestDiagnosis checks what is said of a run that does as it should.
func TestDiagnosis(t *testing.T) {
	c := Config{Target: null(t, 100, true).Addr, Connections: 8, Mode: Hybrid, BodyLen: 100, Duration: time.Second, Jitter: -1, Schedule: Poisson{2000}, Seed: 1}
	r := run(t, c)
	d := r.Diagnose()
	if d.Arrivals == nil || d.Arrivals.Gaps < 500 || !(d.Arrivals.P >= 0 && d.Arrivals.P <= 1) || d.Effective <= 0 || d.TrendP < 0 || d.TrendP > 1 {
		t.Errorf("%+v, %+v", d, d.Arrivals)
	}
	// The schedule itself must pass; what the machine makes of it may not.
	for i := range r.Requests {
		r.Requests[i].SentNs = r.Requests[i].IntendedNs
	}
	if a := r.arrivals(); a.P < .001 {
		t.Errorf("the schedule is not what it says: %+v", a)
	}
	// Every second request late: no Poisson process.
	for i := range r.Requests {
		if i%2 == 0 && i > 0 {
			r.Requests[i].SentNs = r.Requests[i-1].SentNs + 1
		}
	}
	if a := r.arrivals(); a.P > .001 {
		t.Errorf("arrivals in pairs pass for a Poisson process: %+v", a)
	}
}

// TestReadPrinted reads what wrk 4.1.0 and wrk2 4.0.0 print.
func TestReadPrinted(t *testing.T) {
	for text, want := range map[string]Latency{
		"Running 5s test @ http://127.0.0.1:8080/\n  1 threads and 16 connections\n  Thread Stats   Avg      Stdev     Max   +/- Stdev\n" +
			"    Latency     4.33ms   14.67ms 103.27ms   93.12%\n    Req/Sec   112.31k    14.67k  130.13k    88.00%\n" +
			"  Latency Distribution\n     50%  123.00us\n     75%  151.00us\n     90%    6.44ms\n     99%   83.01ms\n": {
			Mean: 4.33e6, Max: 103_270_000, P50: 123_000, P75: 151_000, P90: 6_440_000, P99: 83_010_000,
		},
		"    Latency    13.61ms   24.74ms   1.02s    85.65%\n  Latency Distribution (HdrHistogram - Recorded Latency)\n" +
			" 50.000%    4.16ms\n 75.000%    8.00ms\n 90.000%   37.38ms\n 99.000%   97.41ms\n 99.900%  112.77ms\n 99.990%  113.60ms\n100.000%  113.60ms\n": {
			Mean: 13.61e6, Max: 1_020_000_000, P50: 4_160_000, P75: 8_000_000, P90: 37_380_000, P99: 97_410_000, P999: 112_770_000,
		},
		"unable to connect to 127.0.0.1:1 Connection refused\n": {},
	} {
		if got := readPrinted([]byte(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%.30q: %+v, want %+v", text, got, want)
		}
	}
}

// FuzzScanStamp gives the reader of control messages any bytes.
func FuzzScanStamp(f *testing.F) {
	f.Add(make([]byte, 64))
	f.Add(newStamps().ask)
	f.Fuzz(func(t *testing.T, b []byte) {
		aligned := make([]byte, len(b)+8)[:len(b)] // as the kernel's buffer is
		copy(aligned, b)
		scanStamp(aligned)
	})
}

// stopWorkers returns a command that starts the client's workers, and a function
// that stops them for a while.
func stopWorkers(t *testing.T) (Command, func(time.Duration)) {
	var mu sync.Mutex
	var all []*exec.Cmd
	start := func(ctx context.Context, name string, arg ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, name, arg...)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, cmd)
		return cmd
	}
	signal := func(sig unix.Signal) {
		mu.Lock()
		defer mu.Unlock()
		for _, cmd := range all {
			if err := unix.Kill(cmd.Process.Pid, sig); err != nil {
				t.Error(err)
			}
		}
	}
	return start, func(d time.Duration) {
		signal(unix.SIGSTOP)
		time.Sleep(d)
		signal(unix.SIGCONT)
	}
}

// TestClientStandsStill: a client that is stopped for half of the run is called
// late and its run is rejected; the server, which answered all the while, is not
// blamed.
func TestClientStandsStill(t *testing.T) {
	for _, mode := range []Mode{Block, Spin, Hybrid} {
		for _, schedule := range []Schedule{nil, Fixed{500}} {
			t.Run(fmt.Sprint(mode, schedule), func(t *testing.T) {
				command, stop := stopWorkers(t)
				var stopped sync.WaitGroup
				defer stopped.Wait()
				r := run(t, Config{
					Target: null(t, 100, true).Addr, Connections: 4, Mode: mode, BodyLen: 100, Schedule: schedule, Command: command,
					Duration: 1200 * time.Millisecond, Timeout: 300 * time.Millisecond, Jitter: -1, MaxRate: 200000,
					// However long the workers took to start, they are measuring by now.
					AtEdge: func(edge int) {
						if edge == 0 {
							stopped.Go(func() { time.Sleep(200 * time.Millisecond); stop(600 * time.Millisecond) })
						}
					},
				})
				s := r.Summary()
				if !slices.Contains(s.Marks, "late") || !s.Rejected || s.Failed > 0 {
					t.Errorf("stood still for %v: marks %v, failures %v", r.Stalled, s.Marks, s.Failures)
				}
			})
		}
	}
}

// TestServerStops: a server that answers nothing from the middle of the run on is
// called dead and the run is rejected, in both loops.
func TestServerStops(t *testing.T) {
	for _, schedule := range []Schedule{nil, Fixed{400}} {
		t.Run(fmt.Sprint(schedule), func(t *testing.T) {
			target := null(t, 100, false)
			var timer *time.Timer
			defer func() {
				timer.Stop()
				_ = unix.Kill(target.PID(), unix.SIGCONT)
			}()
			r := run(t, Config{
				Target: target.Addr, Connections: 4, Mode: Block, BodyLen: 100, Schedule: schedule,
				Duration: time.Second, Timeout: 300 * time.Millisecond, Jitter: -1, MaxRate: 100000,
				AtEdge: func(edge int) {
					if edge == 0 {
						timer = time.AfterFunc(500*time.Millisecond, func() { _ = unix.Kill(target.PID(), unix.SIGSTOP) })
					}
				},
			})
			s := r.Summary()
			if !s.Rejected || !slices.Contains(s.Marks, "dead") || !slices.Contains(s.Marks, "lost") || s.Lost < .3 || !s.MeanBound {
				t.Errorf("marks %v, lost time %.2f, mean ≥ %v: %v", s.Marks, s.Lost, time.Duration(s.Mean), s.Warnings)
			}
		})
	}
}
