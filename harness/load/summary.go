// SPDX-License-Identifier: Apache-2.0

package load

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"crossing/data/dataset"
)

// A Summary is what a terminal shows of a run. It is computed from the rows alone;
// times are nanoseconds.
type Summary struct {
	Requests  int            `json:"requests"`                 // due in the measured part
	OK        int            `json:"ok"`                       // of them answered as demanded
	Failed    int            `json:"failed"`                   // of them not: lost, wrong or never sent
	Failures  map[string]int `json:"failures,omitempty"`       // by kind, shed ones included, which were sent again
	Statuses  map[int]int    `json:"wrong_statuses,omitempty"` // responses with another status than demanded, by status
	Rate      float64        `json:"rate_per_s"`               // answered as demanded per second, whenever due
	BodyRate  float64        `json:"body_bytes_per_s"`         // bytes of bodies per second
	Service   Latency        `json:"service_ns"`               // from the send to the last byte
	Response  Latency        `json:"response_ns"`              // from when it was due to the last byte
	Wrong     Latency        `json:"wrong_ns,omitzero"`        // responses that were not as demanded: from when they were due
	Own       Latency        `json:"client_share_ns,omitzero"` // from the kernel's receive stamp to the last byte; zero without stamps
	Mean      float64        `json:"mean_ns"`                  // response time by Little's law: all waiting / answers
	MeanBound bool           `json:"mean_is_bound,omitempty"`  // some waited and were never answered
	Occupancy float64        `json:"occupancy,omitempty"`      // closed loop: mean number outstanding / connections
	Cycle     float64        `json:"cycle_ns,omitempty"`       // closed loop: connections / responses per second
	Silent    int            `json:"silent,omitempty"`         // connections without a response in the measured part
	Lost      float64        `json:"lost_time,omitempty"`      // share of the time in flight that belongs to requests never answered
	Earlier   float64        `json:"earlier,omitempty"`        // share of the time in flight that belongs to requests sent before the measured part
	Adherence float64        `json:"adherence,omitempty"`      // open loop: share of the due requests that were sent within the run
	Late      float64        `json:"late_ns"`                  // mean delay of a send by the client itself
	LateP99   int64          `json:"late_p99_ns"`
	CPU       float64        `json:"client_cpu_ns"`      // client's CPU time per request
	Marks     []string       `json:"marks,omitempty"`    // which checks the run did not pass, by a word each
	Warnings  []string       `json:"warnings,omitempty"` // the same in sentences
	Rejected  bool           `json:"rejected,omitempty"` // the run must not be used
}

// A Latency describes a distribution of times in ns. Quantiles are of the rows,
// the smallest value that at least the share q of them do not exceed. Mean,
// deviation, minimum and maximum are of the answered requests; a quantile that is
// a request without an answer is a lower bound, named in Bounds.
type Latency struct {
	Mean   float64  `json:"mean"`
	Dev    float64  `json:"sd"`
	Min    int64    `json:"min"`
	P50    int64    `json:"p50"`
	P75    int64    `json:"p75"`
	P90    int64    `json:"p90"`
	P95    int64    `json:"p95"`
	P99    int64    `json:"p99"`
	P999   int64    `json:"p99.9"`
	P9999  int64    `json:"p99.99"`
	Max    int64    `json:"max"`
	Bounds []string `json:"bounds,omitempty"` // of the quantiles, those that are lower bounds
}

// Bounds of the checks that need more than the rows.
const (
	goodAdherence = 0.999 // below, the run is marked
	mostStalled   = 0.01  // of the measured part that the client's process may stand still
	tooStalled    = 0.1   // above, the run is rejected
)

// Window is the run's measured part.
func (r *Result) Window() dataset.Window {
	return dataset.Window{WarmUpNs: int64(r.WarmUp), ElapsedNs: int64(r.Elapsed), Connections: r.Connections, Open: r.Schedule != ""}
}

// Summary computes the summary.
func (r *Result) Summary() Summary {
	w := r.Window()
	a := dataset.NewAccount(r.Requests, w)
	s := Summary{
		Requests: a.Due, OK: a.OK, Failed: a.Lost + a.Wrong + a.Backlog, Failures: map[string]int{}, Statuses: map[int]int{},
		Rate: a.Rate, Mean: a.Mean, MeanBound: a.MeanIsBound, Occupancy: a.Occupancy, Cycle: a.Cycle,
		Silent: a.Silent, Lost: a.LostTime, Earlier: a.Earlier, Late: a.LateMean, LateP99: a.LateP99,
		Service: describe(&a.Service), Response: describe(&a.Response),
	}
	from, to := w.WarmUpNs, w.WarmUpNs+w.ElapsedNs
	var wrong, own []int64
	var sent int
	var bytes, completed int64
	for i := range r.Requests {
		q := &r.Requests[i]
		if end := q.LastByteNs; end >= from && end < to && q.Failure != dataset.Unsent {
			completed++
			if q.OK() {
				bytes += q.Bytes
			}
		}
		if q.WarmUp {
			continue
		}
		if !q.OK() && q.Failure != dataset.Cut {
			s.Failures[q.Failure.String()]++
		}
		if q.Failure == dataset.Shed {
			continue
		}
		if q.Failure != dataset.Unsent && q.SentNs < to {
			sent++
		}
		switch {
		case q.OK() && q.StampNs != 0:
			own = append(own, q.LastByteNs-q.StampNs)
		case !q.OK() && q.Status != 0:
			wrong = append(wrong, q.ResponseNs())
			if q.Failure == dataset.Status {
				s.Statuses[int(q.Status)]++
			}
		}
	}
	s.Own, s.Wrong = Describe(own), Describe(wrong)
	if seconds := r.Elapsed.Seconds(); seconds > 0 {
		s.BodyRate = float64(bytes) / seconds
	}
	if completed > 0 {
		s.CPU = float64(r.ClientCPU) / float64(completed)
	}
	if w.Open && s.Requests > 0 {
		s.Adherence = float64(sent) / float64(s.Requests)
	}
	r.judge(&s, a.Marks(w))
	// What has no value is 0: JSON knows neither NaN nor infinity.
	for _, v := range []*float64{&s.Mean, &s.Cycle} {
		if math.IsNaN(*v) || math.IsInf(*v, 0) {
			*v = 0
		}
	}
	return s
}

// judge adds marks and warnings: those of the rows, and those of what only the
// client knows.
func (r *Result) judge(s *Summary, marks []dataset.Mark) {
	add := func(reject bool, name, format string, a ...any) {
		marks = append(marks, dataset.Mark{Name: name, Text: fmt.Sprintf(format, a...), Reject: reject})
	}
	if r.Opened != r.Connections {
		add(true, "opened", "%d connections opened, %d asked for", r.Opened, r.Connections)
	}
	if r.Full {
		add(false, "full", "the rows were full after %v: raise --max-rate", (r.WarmUp + r.Elapsed).Round(time.Millisecond))
	}
	if r.Schedule != "" && s.Adherence < goodAdherence {
		add(false, "adherence", "%.2f %% of the requests were sent within the run: the load was more than server and connections took", 100*s.Adherence)
	}
	late := slices.IndexFunc(marks, func(m dataset.Mark) bool { return m.Name == "late" })
	if stalled := r.Stalled.Seconds() / r.Elapsed.Seconds(); stalled > mostStalled {
		m := dataset.Mark{Name: "late", Reject: stalled > tooStalled, Text: fmt.Sprintf("the client's process stood still for %v of the measured part: its latencies are not the server's", r.Stalled.Round(time.Millisecond))}
		if late >= 0 {
			marks[late] = m
		} else {
			marks = append(marks, m)
		}
	}
	for _, m := range marks {
		s.Marks, s.Warnings = append(s.Marks, m.Name), append(s.Warnings, m.Text)
		s.Rejected = s.Rejected || m.Reject
	}
	if len(s.Statuses) > 0 {
		var kinds []string
		for _, status := range slices.Sorted(maps.Keys(s.Statuses)) {
			kinds = append(kinds, fmt.Sprintf("%d: %d", status, s.Statuses[status]))
		}
		s.Warnings = append(s.Warnings, "responses by status: "+strings.Join(kinds, ", "))
	}
	if r.Bad != "" {
		head, _, _ := strings.Cut(r.Bad, "\r\n\r\n")
		s.Warnings = append(s.Warnings, fmt.Sprintf("the first response that was not as demanded begins %.300q", head))
	}
}

// Enter writes into a dataset's row what the load knows of the run. It leaves
// alone what says why the run was made and what was measured on the server.
func (r *Result) Enter(run *dataset.Run) {
	s := r.Summary()
	run.Loop, run.Adherence = "closed", 1
	if r.Schedule != "" {
		run.Loop, run.Adherence = "open", s.Adherence
		run.Arrivals, _, _ = strings.Cut(r.Schedule, " ")
	}
	run.Connections, run.Mode, run.Workers = int32(r.Connections), r.Mode.String(), int32(r.Workers)
	run.OriginNs, run.WarmUpNs, run.ElapsedNs = r.OriginNs, int64(r.WarmUp), int64(r.Elapsed)
	run.Outcome, run.Marks = dataset.OK, strings.Join(s.Marks, " ")
	if s.Rejected {
		run.Outcome, run.Error = dataset.Rejected, strings.Join(s.Warnings, "; ")
	}
	kinds := map[string]int{}
	for i := range r.Requests {
		if f := r.Requests[i].Failure; f != dataset.None {
			kinds[f.String()]++
		}
	}
	if text, err := json.Marshal(kinds); err == nil && len(kinds) > 0 {
		run.ByFailure = string(text)
	}
	run.Requests, run.Failures = int64(s.OK), int64(s.Failed)
	run.Opened, run.Reconnects = int32(r.Opened), int32(r.Reconnects)
	run.Throughput, run.MeanNs, run.WaitNs = s.Rate, s.Response.Mean, s.Mean
	run.P50Ns, run.P90Ns, run.P99Ns, run.MaxNs = s.Response.P50, s.Response.P90, s.Response.P99, s.Response.Max
	run.Bounds = strings.Join(s.Response.Bounds, " ")
	if s.MeanBound {
		run.Bounds = strings.TrimSpace("wait " + run.Bounds)
	}
	run.Occupancy, run.Silent, run.LostTime = s.Occupancy, int32(s.Silent), s.Lost
	run.LateNs, run.LateP99Ns = s.Late, s.LateP99
	run.ClientCPU = int64(r.ClientCPU)
	run.JitterP99, run.JitterMax = r.Jitter.Quantile(.99), r.Jitter.Max()
	if r.Watched > 0 {
		run.JitterRate = float64(r.Jitter.Total()) / r.Watched.Seconds()
	}
}

// Describe sorts times and describes them.
func Describe(ns []int64) Latency {
	slices.Sort(ns)
	return describe(&dataset.Times{Answered: ns})
}

func describe(t *dataset.Times) (l Latency) {
	n := len(t.Answered)
	if n > 0 {
		var sum, squares float64
		for _, v := range t.Answered {
			sum += float64(v)
		}
		l.Mean = sum / float64(n)
		for _, v := range t.Answered {
			squares += (float64(v) - l.Mean) * (float64(v) - l.Mean)
		}
		if n > 1 {
			l.Dev = math.Sqrt(squares / float64(n-1))
		}
		l.Min, l.Max = t.Answered[0], t.Answered[n-1]
	}
	for _, q := range []struct {
		name string
		q    float64
		to   *int64
	}{{"p50", .5, &l.P50}, {"p75", .75, &l.P75}, {"p90", .9, &l.P90}, {"p95", .95, &l.P95}, {"p99", .99, &l.P99}, {"p99.9", .999, &l.P999}, {"p99.99", .9999, &l.P9999}} {
		v, bound, _ := t.Quantile(q.q)
		if *q.to = v; bound {
			l.Bounds = append(l.Bounds, q.name)
		}
	}
	return l
}

// Quantile is the smallest of the sorted values that at least the share q of
// them do not exceed. There must be one.
func Quantile(sorted []int64, q float64) int64 {
	k := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(k, 0), len(sorted)-1)]
}
