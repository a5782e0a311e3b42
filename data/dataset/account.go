// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"container/heap"
	"fmt"
	"math"
	"slices"
	"time"
)

// A Window is the measured part of a run: what an Account needs to know beside
// the rows.
type Window struct {
	WarmUpNs, ElapsedNs int64
	Connections         int
	Open                bool // an open loop
}

// Window returns the run's measured part.
func (r *Run) Window() Window {
	return Window{WarmUpNs: r.WarmUpNs, ElapsedNs: r.ElapsedNs, Connections: int(r.Connections), Open: r.Loop == "open"}
}

// An Account is what a run's rows say of its load, with nothing that waited left
// out: requests that were never answered are censored, not dropped, and the mean
// is Little's. It is computed from the rows alone, so that it can be had of every
// dataset. Times are ns.
//
// Due counts the requests that were due in the measured part; the integrals are
// over the measured part, whenever a request was due.
type Account struct {
	Due         int // requests due in the measured part
	OK          int // of them answered as demanded
	Wrong       int // of them answered, but not as demanded: status, length, surplus, malformed
	Lost        int // of them sent and never answered: refused, reset, closed, timeout
	Backlog     int // of them never sent: no connection was free (open loop)
	Cut         int // of them outstanding when the run was stopped before its time
	Completions int // requests answered as demanded within the measured part, whenever due

	Rate        float64 // Completions per second
	InFlight    float64 // mean number of requests sent and not yet answered
	Occupancy   float64 // closed loop: InFlight / connections, at most 1
	Mean        float64 // by Little's law: time waited from when requests were due / Completions
	MeanIsBound bool    // some waited and were never answered: Mean is a lower bound
	RowMean     float64 // mean response time of the requests due in the measured part and answered as demanded
	Cycle       float64 // closed loop: connections / responses per second, right or wrong: what a connection's turn takes
	Turn        float64 // mean service time of the responses due in the measured part, right or wrong: equals Cycle if every connection gets its turns

	LostTime float64 // share of the time in flight that belongs to requests never answered
	Earlier  float64 // share of the time in flight that belongs to requests sent before the measured part
	Silent   int     // connections in use without a response in the measured part
	Missing  int     // rows that are missing by their offsets in the connections' streams
	DeadNs   int64   // from the last response to the end, if nothing outstanding at the end was ever answered
	LateMean float64 // mean delay of a send by the client itself
	LateP99  int64   // its 99th percentile

	Response Times // from when it was due, of each request due in the measured part
	Service  Times // from when it was sent
}

// Times are the times of requests, those that were never answered included.
type Times struct {
	Answered []int64 // of those answered as demanded, sorted, ns
	Censored []int64 // how long the others waited at least, sorted, ns
}

// lost reports whether the request was sent, or its connection opened, and no
// answer came.
func (r *Request) lost() bool {
	switch r.Failure {
	case Refused, Reset, Closed, Timeout:
		return true
	}
	return false
}

// censored reports whether the request waited and no answer is known.
func (r *Request) censored() bool { return r.lost() || r.Failure == Unsent || r.Failure == Cut }

// NewAccount computes the account of a run's rows.
func NewAccount(rows []Request, w Window) *Account {
	a := &Account{}
	from, to := w.WarmUpNs, w.WarmUpNs+w.ElapsedNs
	within := func(start, end int64) int64 { return max(0, min(end, to)-max(start, from)) }
	var waited, flight, lostTime, earlier int64
	var sum, turns float64
	var whole, wholeDue int
	answered := map[int32]bool{} // connections in use, and whether one answer came
	lastAnswer, open, openAnswered := from, 0, 0
	for i := range rows {
		q := &rows[i]
		sent := within(q.SentNs, q.LastByteNs)
		if q.Failure != Unsent {
			flight += sent
			if q.SentNs < from {
				earlier += sent
			}
			if sent > 0 {
				answered[q.Conn] = answered[q.Conn] || q.Status != 0 && q.LastByteNs < to
			}
			if q.SentNs < to && q.LastByteNs >= to {
				open++
				if q.Status != 0 {
					openAnswered++
				}
			}
		}
		if q.lost() {
			lostTime += sent
		}
		if q.Status != 0 && q.LastByteNs < to {
			lastAnswer = max(lastAnswer, q.LastByteNs)
		}
		if q.Failure == Shed { // sent again in a row of its own, with the same time due
			continue
		}
		if q.OK() || q.censored() {
			waited += within(q.IntendedNs, q.LastByteNs)
			a.MeanIsBound = a.MeanIsBound || q.censored() && q.Failure != Cut && within(q.IntendedNs, q.LastByteNs) > 0
		}
		if q.Status != 0 && q.LastByteNs >= from && q.LastByteNs < to {
			whole++
			if q.OK() {
				a.Completions++
			}
		}
		if q.WarmUp {
			continue
		}
		if q.Status != 0 {
			wholeDue++
			turns += float64(q.ServiceNs())
		}
		a.Due++
		switch {
		case q.OK():
			a.OK++
			a.Response.Answered = append(a.Response.Answered, q.ResponseNs())
			a.Service.Answered = append(a.Service.Answered, q.ServiceNs())
			sum += float64(q.ResponseNs())
		case q.lost():
			a.Lost++
			a.Response.Censored = append(a.Response.Censored, q.ResponseNs())
			a.Service.Censored = append(a.Service.Censored, q.ServiceNs())
		case q.Failure == Unsent, q.Failure == Cut:
			if q.Failure == Cut {
				a.Cut++
			} else {
				a.Backlog++
			}
			a.Response.Censored = append(a.Response.Censored, q.ResponseNs())
			a.Service.Censored = append(a.Service.Censored, q.ServiceNs())
		default:
			a.Wrong++
		}
	}
	for _, times := range [][]int64{a.Response.Answered, a.Response.Censored, a.Service.Answered, a.Service.Censored} {
		slices.Sort(times)
	}
	a.RowMean = sum / float64(a.OK)
	elapsed := float64(w.ElapsedNs)
	a.Rate = float64(a.Completions) / elapsed * 1e9
	a.InFlight = float64(flight) / elapsed
	a.Mean = float64(waited) / float64(a.Completions)
	if !w.Open && w.Connections > 0 {
		a.Occupancy = min(1, a.InFlight/float64(w.Connections))
		a.Cycle = float64(w.Connections) * elapsed / float64(whole)
		a.Turn = turns / float64(wholeDue)
	}
	if flight > 0 {
		a.LostTime, a.Earlier = float64(lostTime)/float64(flight), float64(earlier)/float64(flight)
	}
	for _, ok := range answered {
		if !ok {
			a.Silent++
		}
	}
	if w.Connections > 0 {
		a.Silent = min(a.Silent, w.Connections) // one that is opened again counts once
	}
	if open > 0 && openAnswered == 0 {
		a.DeadNs = to - lastAnswer
	}
	a.Missing = missing(rows)
	a.lateness(rows, w)
	return a
}

// Quantile is the smallest time that at least the share q of the requests did not
// exceed, in ns: an order statistic. A request that was never answered is longer
// than any that was; if the quantile is one of those, the value is a lower bound.
// ok is false where there are no requests.
func (t *Times) Quantile(q float64) (ns int64, bound, ok bool) {
	n := len(t.Answered) + len(t.Censored)
	if n == 0 {
		return 0, false, false
	}
	// q·n may lie just above a whole number that it equals in the decimal system.
	k := min(max(int(math.Ceil(q*float64(n)*(1-1e-9)))-1, 0), n-1)
	if k < len(t.Answered) {
		return t.Answered[k], false, true
	}
	all := slices.Concat(t.Answered, t.Censored)
	slices.Sort(all)
	if len(t.Answered) > 0 {
		all[k] = max(all[k], t.Answered[len(t.Answered)-1])
	}
	return all[k], true, true
}

// missing counts the rows that are missing by the offsets, which grow by the
// length of a request from each row of a connection to the next. A client may
// begin its record when its connections are used already. Requests of several
// lengths tell nothing, and neither do rows without offsets.
func missing(rows []Request) (n int) {
	type stream struct {
		rows        int
		first, last int64
	}
	streams := map[int32]*stream{}
	step := int64(0)
	for i := range rows {
		q := &rows[i]
		if q.Failure == Unsent || q.Failure == Refused || q.Failure == Shed {
			continue
		}
		s := streams[q.Conn]
		if s == nil {
			s = &stream{first: q.Offset}
			streams[q.Conn] = s
		}
		s.rows++
		s.first, s.last = min(s.first, q.Offset), max(s.last, q.Offset)
		if q.Offset > 0 && (step == 0 || q.Offset < step) {
			step = q.Offset
		}
	}
	if step == 0 {
		return 0
	}
	for i := range rows {
		if rows[i].Offset%step != 0 {
			return 0 // requests of several lengths
		}
	}
	for _, s := range streams {
		n += max(0, int((s.last-s.first)/step)+1-s.rows)
	}
	return n
}

// lateness computes how late the client itself was: in a closed loop from the
// last byte of a connection's response to its next send; in an open loop against
// the earliest time at which a client without delay would have sent the request
// on the first free connection, given the service times that were measured
// (first come, first served by that many stations: Lindley's recursion for one).
func (a *Account) lateness(rows []Request, w Window) {
	from, to := w.WarmUpNs, w.WarmUpNs+w.ElapsedNs
	var late []int64
	if w.Open {
		order := make([]*Request, 0, len(rows))
		for i := range rows {
			if q := &rows[i]; q.Failure != Unsent && q.Failure != Shed && q.Failure != Refused {
				order = append(order, q)
			}
		}
		slices.SortStableFunc(order, func(x, y *Request) int { return int(x.IntendedNs - y.IntendedNs) })
		free := make(freeTimes, max(1, w.Connections))
		for _, q := range order {
			start := max(q.IntendedNs, free[0])
			free[0] = start + q.ServiceNs()
			heap.Fix(&free, 0)
			if q.SentNs >= from && q.SentNs < to {
				late = append(late, max(0, q.SentNs-start))
			}
		}
	} else {
		last := map[int32]int64{}
		order := make([]*Request, 0, len(rows))
		for i := range rows {
			if q := &rows[i]; q.Failure != Refused && q.Failure != Shed {
				order = append(order, q)
			}
		}
		slices.SortStableFunc(order, func(x, y *Request) int { return int(x.SentNs - y.SentNs) })
		for _, q := range order {
			if before, ok := last[q.Conn]; ok && q.SentNs >= from && q.SentNs < to {
				late = append(late, max(0, q.SentNs-before))
			}
			last[q.Conn] = q.LastByteNs
		}
	}
	if len(late) == 0 {
		return
	}
	var sum float64
	for _, v := range late {
		sum += float64(v)
	}
	slices.Sort(late)
	a.LateMean = sum / float64(len(late))
	a.LateP99 = late[max(0, int(math.Ceil(.99*float64(len(late))))-1)]
}

// freeTimes is a heap of the times at which connections are free again.
type freeTimes []int64

func (f freeTimes) Len() int           { return len(f) }
func (f freeTimes) Less(i, j int) bool { return f[i] < f[j] }
func (f freeTimes) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *freeTimes) Push(any)          { panic("the number of connections is fixed") }
func (f *freeTimes) Pop() any          { panic("the number of connections is fixed") }

// AccountRules changes when an Account or its marks do, so that what was computed
// before is computed again.
const AccountRules = 1

// Bounds of the checks.
const (
	leastOccupancy = 0.97 // below, connections were idle
	agreement      = 0.03 // by which two means of one quantity may differ
	mostEarlier    = 0.5  // above, most of what happened is not in the rows due in the measured part
	mostLost       = 0.01 // of the requests, or of the time in flight
	mostLate       = 0.05 // of the mean response time
	fewestWaits    = 20   // a run lasts at least as many times its usual longest wait, its p99
)

// A Mark is a check that a run did not pass.
type Mark struct {
	Name   string // a word
	Text   string // a sentence
	Reject bool   // the run must not be used
}

// Marks are the checks that the account did not pass. Slowness of the server
// never rejects a run.
func (a *Account) Marks(w Window) (marks []Mark) {
	add := func(reject bool, name, format string, arg ...any) {
		marks = append(marks, Mark{name, fmt.Sprintf(format, arg...), reject})
	}
	if a.OK == 0 {
		add(true, "none-ok", "no request was answered as demanded")
	}
	if a.Missing > 0 {
		add(true, "rows", "%d rows are missing", a.Missing)
	}
	if n := a.Lost + a.Wrong + a.Backlog; n > 0 {
		add(false, "failures", "%d of %d requests were not answered as demanded: %d lost, %d wrong, %d never sent", n, a.Due, a.Lost, a.Wrong, a.Backlog)
	}
	if n := a.Lost + a.Wrong; float64(n) > mostLost*float64(a.Due) {
		add(true, "lost", "%.3g %% of the requests failed, more than %g %%", 100*float64(n)/float64(a.Due), 100*mostLost)
	} else if a.LostTime > mostLost {
		add(true, "lost", "%.3g %% of the connections' time went to requests that were never answered, more than %g %%", 100*a.LostTime, 100*mostLost)
	}
	if a.DeadNs > 0 && a.Lost > 0 {
		add(true, "dead", "the server answered nothing in the last %v of %v", time.Duration(a.DeadNs).Round(time.Millisecond), time.Duration(w.ElapsedNs).Round(time.Millisecond))
	}
	if a.Earlier > mostEarlier {
		add(false, "earlier", "%.0f %% of the time in flight belongs to requests sent before the measured part: the server stood still when it began, or the run is too short for so slow a server", 100*a.Earlier)
	}
	if !w.Open && a.OK > 0 && a.Occupancy < leastOccupancy {
		add(false, "occupancy", "occupancy %.3f: connections had no request outstanding for %.1f %% of the time, so the loop was not closed", a.Occupancy, 100*(1-a.Occupancy))
	}
	if !w.Open && a.OK > 0 && a.Occupancy >= leastOccupancy && math.Abs(a.Turn/a.Cycle-1) > agreement {
		add(false, "starved", "the answered requests took %v on average, but a connection's turn takes %v: some connections wait for much longer (%d had no answer)",
			time.Duration(a.Turn), time.Duration(a.Cycle), a.Silent)
	}
	if p99, bound, ok := a.Response.Quantile(.99); ok && !bound && float64(w.ElapsedNs) < fewestWaits*float64(p99) {
		add(false, "unsettled", "the run lasts %.3g times its p99, less than %d: it is too short for so slow a server", float64(w.ElapsedNs)/float64(p99), fewestWaits)
	}
	if p99, _, ok := a.Response.Quantile(.99); ok && (a.LateMean > mostLate*a.Mean || a.LateP99 > p99) {
		add(false, "late", "the client itself delayed sends by %v on average (p99 %v)", time.Duration(a.LateMean), time.Duration(a.LateP99))
	}
	return marks
}
