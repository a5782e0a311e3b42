// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const ms = int64(time.Millisecond)

// closed makes the rows of a closed loop in which connection c's request that is
// sent at time at takes service(c, at), until the end of the measured part.
func closed(w Window, service func(conn int, at int64) (ns int64, f Failure)) (rows []Request) {
	end := w.WarmUpNs + w.ElapsedNs
	for c := range w.Connections {
		for at, offset := int64(0), int64(0); at < end; offset += 60 {
			took, f := service(c, at)
			q := Request{Conn: int32(c), Offset: offset, IntendedNs: at, SentNs: at, FirstByteNs: at + took, LastByteNs: at + took, Status: 200, Failure: f, WarmUp: at < w.WarmUpNs}
			if q.lost() {
				q.Status = 0
			}
			rows = append(rows, q)
			at += took
		}
	}
	return rows
}

// open makes the rows of an open loop, sent at the given times due by a client
// that does nothing while it is stopped and takes the first free connection.
func open(w Window, due []int64, service int64, stopped func(at int64) int64) (rows []Request) {
	free := make([]int64, w.Connections)
	for _, at := range due {
		c := slices.Index(free, slices.Min(free))
		sent := stopped(max(at, free[c]))
		end := stopped(sent + service)
		free[c] = end
		rows = append(rows, Request{Conn: int32(c), IntendedNs: at, SentNs: sent, FirstByteNs: end, LastByteNs: end, Status: 200, WarmUp: at < w.WarmUpNs})
	}
	return rows
}

func names(marks []Mark) (all, rejecting []string) {
	for _, m := range marks {
		all = append(all, m.Name)
		if m.Reject {
			rejecting = append(rejecting, m.Name)
		}
	}
	return all, rejecting
}

// TestAccount: runs whose truth follows by arithmetic.
func TestAccount(t *testing.T) {
	second := Window{WarmUpNs: 0, ElapsedNs: 5000 * ms, Connections: 8}
	for _, c := range []struct {
		name     string
		w        Window
		service  func(conn int, at int64) (int64, Failure)
		mean     float64 // ms, by Little
		bound    bool    // the mean is a lower bound
		p50, p99 float64 // ms
		p99Bound bool
		lostTime float64
		silent   int
		marks    []string // exactly these
		rejects  []string
	}{
		{name: "steady", w: second, service: func(int, int64) (int64, Failure) { return ms, None },
			mean: 1, p50: 1, p99: 1},
		// 2500 answers of 8 connections each, then 8 times 2.5 s without one.
		{name: "stopped to the end", w: second, service: func(_ int, at int64) (int64, Failure) {
			if at >= 2500*ms {
				return 2000 * ms, Timeout
			}
			return ms, None
		}, mean: 2, bound: true, p50: 1, p99: 1, lostTime: .5,
			marks: []string{"failures", "lost", "dead", "starved"}, rejects: []string{"lost", "dead"}},
		// Nine whole turns of 549 ms, and 59 ms of the tenth: 490 answers in 5 s.
		{name: "one in fifty is never answered", w: Window{ElapsedNs: 5000 * ms, Connections: 1}, service: func() func(int, int64) (int64, Failure) {
			n := 0
			return func(int, int64) (int64, Failure) {
				if n++; n%50 == 0 {
					return 500 * ms, Timeout
				}
				return ms, None
			}
		}(), mean: 10.2, bound: true, p50: 1, p99: 500, p99Bound: true, lostTime: .91,
			marks: []string{"failures", "lost", "starved"}, rejects: []string{"lost"}},
		{name: "a pool that serves 10 of 100", w: Window{WarmUpNs: 100 * ms, ElapsedNs: 1000 * ms, Connections: 100}, service: func(conn int, at int64) (int64, Failure) {
			if conn < 10 {
				return ms, None
			}
			return 1500 * ms, Timeout
		}, mean: 10, bound: true, p50: 1, p99: 1, lostTime: .9, silent: 90,
			marks: []string{"lost", "earlier", "starved"}, rejects: []string{"lost"}},
		// Two of twelve get their answer only after the end: nothing failed.
		{name: "two starve", w: Window{WarmUpNs: 100 * ms, ElapsedNs: 1000 * ms, Connections: 12}, service: func(conn int, at int64) (int64, Failure) {
			if conn < 10 {
				return ms, None
			}
			return 1200 * ms, None
		}, mean: 1.2, p50: 1, p99: 1, silent: 2, marks: []string{"starved"}},
		{name: "slow is no fault", w: Window{ElapsedNs: 15000 * ms, Connections: 2}, service: func(int, int64) (int64, Failure) { return 12000 * ms, None },
			mean: 15, p50: 12000, p99: 12000, marks: []string{"starved", "unsettled"}},
		{name: "errors at once between slow answers", w: Window{ElapsedNs: 5000 * ms, Connections: 1}, service: func() func(int, int64) (int64, Failure) {
			n := 0
			return func(int, int64) (int64, Failure) {
				if n++; n%2 == 0 {
					return ms / 10, Status
				}
				return 20 * ms, None
			}
		}(), mean: 20, p50: 20, p99: 20, marks: []string{"failures", "lost"}, rejects: []string{"lost"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := NewAccount(closed(c.w, c.service), c.w)
			p50, _, _ := a.Response.Quantile(.5)
			p99, bound, _ := a.Response.Quantile(.99)
			near := func(what string, got, want float64) {
				if math.Abs(got-want) > .02*want {
					t.Errorf("%s = %g, want %g", what, got, want)
				}
			}
			if c.name == "slow is no fault" {
				near("N/X", a.Cycle/1e6, 15000) // 2 answers of 2 connections in 15 s
			} else {
				near("mean", a.Mean/1e6, c.mean)
			}
			near("p50", float64(p50)/1e6, c.p50)
			near("p99", float64(p99)/1e6, c.p99)
			near("lost time", a.LostTime, c.lostTime)
			if a.MeanIsBound != c.bound || bound != c.p99Bound || a.Silent != c.silent || a.Occupancy < .99 || a.Missing != 0 {
				t.Errorf("mean a bound: %v; p99 a bound: %v; %d silent; occupancy %g; %d rows missing", a.MeanIsBound, bound, a.Silent, a.Occupancy, a.Missing)
			}
			all, rejecting := names(a.Marks(c.w))
			for _, want := range c.marks {
				if !slices.Contains(all, want) {
					t.Errorf("marks %v, want %v", all, c.marks)
				}
			}
			if len(c.marks) == 0 && len(all) > 0 {
				t.Errorf("marks %v, want none", all)
			}
			if (len(rejecting) > 0) != (len(c.rejects) > 0) {
				t.Errorf("rejected by %v, want %v", rejecting, c.rejects)
			}
		})
	}
}

// TestLateClient: a client that stops for 3 s of 6 is told as what it is.
func TestLateClient(t *testing.T) {
	w := Window{ElapsedNs: 6000 * ms, Connections: 4, Open: true}
	var due []int64
	for at := int64(0); at < 6000*ms; at += 5 * ms {
		due = append(due, at)
	}
	always := func(at int64) int64 { return at }
	stop := func(at int64) int64 {
		if at >= 1000*ms && at < 4000*ms {
			return 4000 * ms
		}
		return at
	}
	if a := NewAccount(open(w, due, ms, always), w); a.LateMean != 0 || len(a.Marks(w)) != 0 {
		t.Errorf("a client on time: late %v, %v", a.LateMean, a.Marks(w))
	}
	a := NewAccount(open(w, due, ms, stop), w)
	all, _ := names(a.Marks(w))
	if !slices.Contains(all, "late") {
		t.Errorf("late by %v on average (p99 %v): %v", time.Duration(a.LateMean), time.Duration(a.LateP99), all)
	}
	// One server that is overloaded is no fault of the client's.
	w.Connections = 1
	a = NewAccount(open(w, due, 7*ms, always), w)
	if all, rejecting := names(a.Marks(w)); slices.Contains(all, "late") || len(rejecting) > 0 || a.LateMean != 0 {
		t.Errorf("an overloaded server: late %v, %v", a.LateMean, all)
	}
}

// TestMissingRows: a row that is lost shows in the offsets.
func TestMissingRows(t *testing.T) {
	w := Window{ElapsedNs: 100 * ms, Connections: 3}
	rows := closed(w, func(int, int64) (int64, Failure) { return ms, None })
	if a := NewAccount(rows, w); a.Missing != 0 {
		t.Errorf("%d missing of none", a.Missing)
	}
	without := slices.Delete(slices.Clone(rows), 40, 42)
	a := NewAccount(without, w)
	if _, rejecting := names(a.Marks(w)); a.Missing != 2 || !slices.Contains(rejecting, "rows") {
		t.Errorf("%d missing, want 2", a.Missing)
	}
}

// TestAccountIdentities: for any rows, Little's law and the limits of shares hold.
func TestAccountIdentities(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		w := Window{WarmUpNs: rng.Int64N(50) * ms, ElapsedNs: (1 + rng.Int64N(500)) * ms, Connections: 1 + rng.IntN(20)}
		rows := closed(w, func(int, int64) (int64, Failure) {
			return 1 + rng.Int64N(20*ms), []Failure{None, None, None, Timeout, Status, Reset}[rng.IntN(6)]
		})
		a := NewAccount(rows, w)
		if a.Occupancy > 1 || a.Occupancy < .999 || a.LostTime > 1 || a.Earlier > 1 || a.Silent > w.Connections {
			t.Fatalf("%+v", a)
		}
		if a.Due != a.OK+a.Wrong+a.Lost+a.Backlog+a.Cut {
			t.Fatalf("%d due are not %d + %d + %d + %d", a.Due, a.OK, a.Wrong, a.Lost, a.Backlog)
		}
		// Without wrong answers the loop's mean is N/X.
		if a.Completions > 0 && a.Wrong == 0 && math.Abs(a.Mean*a.Rate/1e9/float64(w.Connections)-1) > 1e-6 {
			wrong := slices.ContainsFunc(rows, func(q Request) bool { return q.Failure == Status })
			if !wrong {
				t.Fatalf("mean %v, N/X %v", a.Mean, float64(w.Connections)/a.Rate*1e9)
			}
		}
		last := int64(0)
		for _, q := range []float64{.01, .5, .9, .99, 1} {
			v, _, ok := a.Response.Quantile(q)
			if ok && v < last {
				t.Fatalf("quantile %v is %d, below %d", q, v, last)
			}
			last = v
		}
	}
}
