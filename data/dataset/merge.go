// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrParts says that datasets do not belong together as parts of one.
var ErrParts = errors.New("these are not parts of one collection")

// mostSkew is how far the starts of a run's parts may lie apart, as a share of
// the run: what is not common to all is no measurement of the whole load.
const mostSkew = 0.05

// Merge joins datasets that several client hosts collected at the same time into
// one in dir: a run of the whole has the requests of all its parts, and its figures
// are computed from these. Percentiles are never averaged.
//
// Runs belong together when tier, load, file and block agree. Each part's rows are
// moved by the difference of its start to the earliest one, in wall-clock time; so
// the times of different hosts agree as well as their clocks do, while every latency
// is of one clock. The steady state of the whole is when all parts were in theirs.
// Connections are renumbered; ports of different hosts may coincide.
func Merge(dir string, parts []string) (err error) {
	if len(parts) < 2 {
		return fmt.Errorf("%w: name at least two", ErrParts)
	}
	sets := make([]*Dataset, len(parts))
	machines, designs := make([]json.RawMessage, len(parts)), make([]json.RawMessage, len(parts))
	for i, part := range parts {
		if err := Verify(part); err != nil {
			return err
		}
		if sets[i], err = Open(part); err != nil {
			return err
		}
		if machines[i], err = sets[i].Machine(); err != nil {
			return err
		}
		if designs[i], err = os.ReadFile(filepath.Join(part, designName)); err != nil {
			return err
		}
	}
	w, err := Create(dir, map[string]any{"parts": designs})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = w.Close()
		}
	}()
	for i := range sets[0].runs {
		first := &sets[0].runs[i]
		runs := make([]*Run, len(sets))
		for k, set := range sets {
			j := slices.IndexFunc(set.runs, func(r Run) bool { return sameRun(&r, first) })
			if j < 0 || len(set.runs) != len(sets[0].runs) {
				return fmt.Errorf("%w: %s has %d runs and %s has %d; of %s/%s/%s, block %d, one is missing",
					ErrParts, parts[0], len(sets[0].runs), parts[k], len(set.runs), first.Tier, first.Load, first.File, first.Block)
			}
			runs[k] = &set.runs[j]
		}
		if err := mergeRun(w, sets, runs); err != nil {
			return fmt.Errorf("run %s: %w", first.Run, err)
		}
	}
	m := sets[0].Meta
	m.Name, m.Version = filepath.Base(dir), "0.0.0"
	m.Title += fmt.Sprintf(", from %d client hosts", len(parts))
	m.About += fmt.Sprintf(" Joined from the rows of %d client hosts; machine.json describes each.", len(parts))
	m.Date = time.Now().UTC().Format(time.DateOnly)
	return w.Finish(m, map[string]any{"parts": machines})
}

func sameRun(a, b *Run) bool {
	return a.Tier == b.Tier && a.Load == b.Load && a.File == b.File && a.Block == b.Block && a.Attempt == b.Attempt
}

// mergeRun joins the parts of one run and adds it to w.
func mergeRun(w *Writer, sets []*Dataset, parts []*Run) error {
	whole := *parts[0]
	for _, p := range parts {
		if p.Outcome == Failed {
			whole.Outcome, whole.Error = Failed, "one of its parts failed: "+p.Error
			return w.Add(whole, nil, nil)
		}
		whole.StartUnixNs = min(whole.StartUnixNs, p.StartUnixNs)
	}
	whole.Connections, whole.Opened, whole.Reconnects, whole.Workers, whole.Rate, whole.ClientCPU = 0, 0, 0, 0, 0, 0
	whole.Marks, whole.OriginNs = "", 0 // of several clocks
	var load float64
	begin, end := int64(0), int64(math.MaxInt64)
	for _, p := range parts {
		shift := p.StartUnixNs - whole.StartUnixNs
		if float64(shift) > mostSkew*float64(p.WarmUpNs+p.ElapsedNs) {
			return fmt.Errorf("%w: one started %v after another (start them together, with clocks that agree)", ErrParts, time.Duration(shift))
		}
		begin, end = max(begin, shift+p.WarmUpNs), min(end, shift+p.WarmUpNs+p.ElapsedNs)
		whole.Connections += p.Connections
		whole.Opened += p.Opened
		whole.Reconnects += p.Reconnects
		whole.Workers += p.Workers
		whole.Rate += p.Rate
		whole.ClientCPU += p.ClientCPU
		whole.JitterP99, whole.JitterMax, whole.JitterRate = max(whole.JitterP99, p.JitterP99), max(whole.JitterMax, p.JitterMax), max(whole.JitterRate, p.JitterRate)
		whole.Load1 = max(whole.Load1, p.Load1)
		for _, mark := range strings.Fields(p.Marks) {
			if !slices.Contains(strings.Fields(whole.Marks), mark) {
				whole.Marks = strings.TrimSpace(whole.Marks + " " + mark)
			}
		}
		if p.Outcome == Rejected {
			whole.Outcome, whole.Error = Rejected, p.Error
		}
		if x, err := strconv.ParseFloat(p.Load[min(1, len(p.Load)):], 64); err == nil {
			load += x
		}
	}
	whole.Load = whole.Load[:1] + strconv.FormatFloat(load, 'f', -1, 64)
	whole.WarmUpNs, whole.ElapsedNs = begin, max(0, end-begin)

	var rows []Request
	var firstConn, reconnects int32 = 0, whole.Connections
	for k, p := range parts {
		part, err := sets[k].Requests(p)
		if err != nil {
			return err
		}
		shift, highest := p.StartUnixNs-whole.StartUnixNs, p.Connections-1
		for _, r := range part {
			highest = max(highest, r.Conn)
			if r.Conn < p.Connections {
				r.Conn += firstConn
			} else {
				r.Conn += reconnects - p.Connections
			}
			r.IntendedNs += shift
			r.SentNs += shift
			r.FirstByteNs += shift
			r.LastByteNs += shift
			if r.StampNs != 0 {
				r.StampNs += shift
			}
			r.WarmUp = r.IntendedNs < begin
			if r.IntendedNs < end { // later ones are of a time when not all parts ran
				rows = append(rows, r)
			}
		}
		firstConn += p.Connections
		reconnects += highest + 1 - p.Connections
	}
	whole.figures(rows)
	return w.Add(whole, rows, nil)
}

// figures computes from rows what a run says of them.
func (r *Run) figures(rows []Request) {
	from, to := r.WarmUpNs, r.WarmUpNs+r.ElapsedNs
	kinds := map[string]int{}
	var responses []int64
	var sum, service, outstanding float64
	var within, due, sent int
	r.Requests, r.Failures = 0, 0
	for i := range rows {
		q := &rows[i]
		outstanding += float64(max(0, min(q.LastByteNs, to)-max(q.SentNs, from)))
		if q.LastByteNs >= from && q.LastByteNs < to && q.Status != 0 {
			service += float64(q.ServiceNs())
			if q.OK() {
				within++
			}
		}
		if !q.OK() {
			kinds[q.Failure.String()]++
		}
		if q.WarmUp || q.Failure == Shed {
			continue
		}
		if due++; q.Failure != Unsent && q.SentNs < to {
			sent++
		}
		if !q.OK() {
			r.Failures++
		} else {
			r.Requests++
		}
		if q.Status != 0 {
			responses = append(responses, q.ResponseNs())
			sum += float64(q.ResponseNs())
		}
	}
	r.ByFailure = ""
	if text, err := json.Marshal(kinds); err == nil && len(kinds) > 0 {
		r.ByFailure = string(text)
	}
	if r.ElapsedNs > 0 {
		r.Throughput = float64(within) / time.Duration(r.ElapsedNs).Seconds()
		r.Occupancy = service / float64(r.ElapsedNs) / float64(r.Connections)
	}
	if outstanding > 0 {
		r.Little = service / outstanding
	}
	if r.Loop == "open" && due > 0 {
		r.Adherence = float64(sent) / float64(due)
	}
	r.MeanNs, r.P50Ns, r.P90Ns, r.P99Ns, r.MaxNs = 0, 0, 0, 0, 0
	if n := len(responses); n > 0 {
		slices.Sort(responses)
		rank := func(q float64) int64 { return responses[max(0, int(math.Ceil(q*float64(n)))-1)] }
		r.MeanNs, r.P50Ns, r.P90Ns, r.P99Ns, r.MaxNs = sum/float64(n), rank(.5), rank(.9), rank(.99), responses[n-1]
	}
}
