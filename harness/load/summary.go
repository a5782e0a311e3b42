// SPDX-License-Identifier: Apache-2.0

package load

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"crossing/data/dataset"
)

// A Summary is what a terminal shows of a run. It is computed from the measured
// rows alone; times are nanoseconds.
type Summary struct {
	Requests  int            `json:"requests"`                 // due in the measured part
	OK        int            `json:"ok"`                       // of them answered as demanded
	Failures  map[string]int `json:"failures,omitempty"`       // of them not, by kind
	Rate      float64        `json:"rate_per_s"`               // answered as demanded per second, whenever due
	BodyRate  float64        `json:"body_bytes_per_s"`         // bytes of bodies per second
	Service   Latency        `json:"service_ns"`               // from the send to the last byte
	Response  Latency        `json:"response_ns"`              // from when it was due to the last byte
	Own       Latency        `json:"client_share_ns,omitzero"` // from the kernel's receive stamp to the last byte; zero without stamps
	Occupancy float64        `json:"occupancy,omitempty"`      // closed loop: rate × mean service time / connections
	Little    float64        `json:"little"`                   // rate × mean service time / mean number outstanding: 1 if no row is lost
	Earlier   float64        `json:"earlier,omitempty"`        // of the waiting within the measured part, the share for requests sent before it, which no mean or quantile counts
	Adherence float64        `json:"adherence,omitempty"`      // open loop: share of the due requests that were sent within the run
	CPU       float64        `json:"client_cpu_ns"`            // client's CPU time per request
	Marks     []string       `json:"marks,omitempty"`          // which checks the run did not pass, by a word each
	Warnings  []string       `json:"warnings,omitempty"`       // the same in sentences
	Rejected  bool           `json:"rejected,omitempty"`       // a warning is so grave that the run must not be used
}

// A Latency describes a distribution of times in ns. Quantiles are of the rows,
// the smallest value that at least the share q of them do not exceed.
type Latency struct {
	Mean float64 `json:"mean"`
	Dev  float64 `json:"sd"`
	Min  int64   `json:"min"`
	P50  int64   `json:"p50"`
	P75  int64   `json:"p75"`
	P90  int64   `json:"p90"`
	P99  int64   `json:"p99"`
	P999 int64   `json:"p99.9"`
	Max  int64   `json:"max"`
}

// Bounds of the checks.
const (
	leastOccupancy = 0.97  // below, the client was late to send the next request
	mostEarlier    = 0.5   // above, most of what happened is not in the run's numbers
	littleMargin   = 0.01  // beyond, rows are missing or counted twice
	goodAdherence  = 0.999 // below, the run is marked
	leastAdherence = 0.95  // below, it is rejected
)

// Summary computes the summary.
func (r *Result) Summary() Summary {
	s := Summary{Failures: map[string]int{}}
	from, to := int64(r.WarmUp), int64(r.WarmUp+r.Elapsed)
	var service, response, own []int64
	var within, sent, shed int
	var inside, outstanding, earlier, edge, bytes, all int64
	for i := range r.Requests {
		q := &r.Requests[i]
		if end := q.LastByteNs; end >= from && end < to && q.Failure != dataset.Unsent {
			all++
			if answered(q) {
				inside += q.ServiceNs()
			}
			if q.OK() {
				within++
				bytes += q.Bytes
			}
		}
		here := max(0, min(q.LastByteNs, to)-max(q.SentNs, from))
		outstanding += here
		if q.SentNs < from {
			earlier += here
		}
		if q.SentNs < to && q.LastByteNs >= to || q.SentNs < from && q.LastByteNs >= from {
			edge += q.ServiceNs()
		}
		if q.WarmUp {
			continue
		}
		if q.Failure == dataset.Shed {
			shed++
			s.Failures[q.Failure.String()]++
			continue
		}
		s.Requests++
		if q.Failure != dataset.Unsent && q.SentNs < to {
			sent++
		}
		if q.OK() {
			s.OK++
		} else {
			s.Failures[q.Failure.String()]++
		}
		if answered(q) {
			service = append(service, q.ServiceNs())
			response = append(response, q.ResponseNs())
			if q.StampNs != 0 {
				own = append(own, q.LastByteNs-q.StampNs)
			}
		}
	}
	s.Service, s.Response, s.Own = Describe(service), Describe(response), Describe(own)
	if seconds := r.Elapsed.Seconds(); seconds > 0 {
		s.Rate, s.BodyRate = float64(within)/seconds, float64(bytes)/seconds
	}
	if all > 0 {
		s.CPU = float64(r.ClientCPU) / float64(all)
	}
	if outstanding > 0 {
		s.Little = float64(inside) / float64(outstanding)
		s.Earlier = float64(earlier) / float64(outstanding)
	}
	if r.Schedule == "" {
		s.Occupancy = float64(inside) / float64(r.Elapsed) / float64(r.Connections)
	} else if s.Requests > 0 {
		s.Adherence = float64(sent) / float64(s.Requests)
	}
	// The law holds exactly but for requests that lie across the window's edges.
	little := math.Abs(float64(inside-outstanding)) <= littleMargin*float64(outstanding)+float64(edge)
	r.judge(&s, little)
	return s
}

// answered tells whether a whole response came, right or wrong.
func answered(q *dataset.Request) bool { return q.Status != 0 }

// judge adds marks and warnings.
func (r *Result) judge(s *Summary, little bool) {
	warn := func(mark, format string, a ...any) {
		s.Marks = append(s.Marks, mark)
		s.Warnings = append(s.Warnings, fmt.Sprintf(format, a...))
	}
	reject := func(mark, format string, a ...any) {
		s.Rejected = true
		warn(mark, format, a...)
	}
	if s.OK == 0 {
		reject("none-ok", "no request was answered as demanded")
	}
	if r.Opened != r.Connections {
		reject("opened", "%d connections opened, %d asked for", r.Opened, r.Connections)
	}
	if r.Full {
		warn("full", "the rows were full after %v: raise the greatest rate (MaxRate)", (r.WarmUp + r.Elapsed).Round(time.Millisecond))
	}
	if n := s.Requests - s.OK; n > 0 {
		warn("failures", "%d of %d requests failed", n, s.Requests)
	}
	if !little && len(s.Failures) == 0 {
		warn("little", "Little's law: rate × mean time is %.1f %% of the mean number outstanding", 100*s.Little)
	}
	if s.Earlier > mostEarlier {
		warn("earlier", "for %.0f %% of the waiting the requests were sent before the measured part, so that their times are not in its numbers: the server stood still when it began, or the run is too short for so slow a server", 100*s.Earlier)
	}
	switch {
	case r.Schedule == "":
		if s.OK > 0 && s.Occupancy < leastOccupancy {
			warn("occupancy", "occupancy %.3f: a connection had no request outstanding for %.1f %% of the time, so the loop was not closed", s.Occupancy, 100*(1-s.Occupancy))
		}
	case s.Adherence < leastAdherence:
		reject("adherence", "adherence %.2f %%, below %.0f %%: this load was not offered; lower the rate or open more connections", 100*s.Adherence, 100*leastAdherence)
	case s.Adherence < goodAdherence:
		warn("adherence", "adherence %.2f %%, below %.1f %%: the load was offered in part", 100*s.Adherence, 100*goodAdherence)
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
	run.Requests, run.Failures = int64(s.OK), int64(s.Requests-s.OK)
	run.Opened, run.Reconnects = int32(r.Opened), int32(r.Reconnects)
	run.Throughput, run.MeanNs = s.Rate, s.Response.Mean
	run.P50Ns, run.P90Ns, run.P99Ns, run.MaxNs = s.Response.P50, s.Response.P90, s.Response.P99, s.Response.Max
	run.Little, run.Occupancy = s.Little, s.Occupancy
	run.ClientCPU = int64(r.ClientCPU)
	run.JitterP99, run.JitterMax = r.Jitter.Quantile(.99), r.Jitter.Max()
	if r.Watched > 0 {
		run.JitterRate = float64(r.Jitter.Total()) / r.Watched.Seconds()
	}
}

// Describe sorts times and describes them.
func Describe(ns []int64) (l Latency) {
	n := len(ns)
	if n == 0 {
		return l
	}
	slices.Sort(ns)
	var sum, squares float64
	for _, v := range ns {
		sum += float64(v)
	}
	l.Mean = sum / float64(n)
	for _, v := range ns {
		squares += (float64(v) - l.Mean) * (float64(v) - l.Mean)
	}
	if n > 1 {
		l.Dev = math.Sqrt(squares / float64(n-1))
	}
	l.Min, l.Max = ns[0], ns[n-1]
	l.P50, l.P75, l.P90 = Quantile(ns, .5), Quantile(ns, .75), Quantile(ns, .9)
	l.P99, l.P999 = Quantile(ns, .99), Quantile(ns, .999)
	return l
}

// Quantile is the smallest of the sorted values that at least the share q of
// them do not exceed. There must be one.
func Quantile(sorted []int64, q float64) int64 {
	k := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(k, 0), len(sorted)-1)]
}
