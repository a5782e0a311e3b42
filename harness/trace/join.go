// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"crossing/data/dataset"
)

// A Join is what became of the records and the requests.
type Join struct {
	Stages     []dataset.Stage
	Unjoined   int    // requests that were answered, but have no record
	Outside    int    // records of no request of the run (readiness probes, the load before)
	Disordered int    // points out of order, taken out
	Lost       uint64 // records for which the ring had no room
}

type key struct {
	port   uint16
	offset int64
}

func join(records []record, requests []dataset.Request, originNs int64, source string) *Join {
	j := &Join{}
	byKey := make(map[key]int, len(records))
	for i := range records {
		byKey[key{uint16(records[i].port), int64(records[i].offset)}] = i
	}
	used := 0
	for i := range requests {
		q := &requests[i]
		if q.Status == 0 {
			continue // nothing was answered
		}
		at, ok := byKey[key{q.Port, q.Offset}]
		if !ok {
			j.Unjoined++
			continue
		}
		s := stage(&records[at], originNs)
		s.Source = source
		// A port that was used before may have had a request at the same
		// offset; its times lie elsewhere.
		if !within(&s, q) {
			j.Unjoined++
			continue
		}
		used++
		j.Disordered += order(&s, q)
		j.Stages = append(j.Stages, s)
	}
	j.Outside = len(records) - used
	return j
}

func stage(r *record, originNs int64) dataset.Stage {
	s := dataset.Stage{Port: int32(r.port), Offset: int64(r.offset)}
	for i, to := range s.Points() {
		if r.at[i] != 0 {
			*to = int64(r.at[i]) - originNs
		}
	}
	return s
}

// within reports whether the first of the server's times lies between the client's.
func within(s *dataset.Stage, q *dataset.Request) bool {
	for _, p := range s.Points() {
		if *p != 0 {
			return *p >= q.SentNs && *p <= q.LastByteNs
		}
	}
	return false
}

// order takes out points that lie before an earlier one or after the client
// had the last byte: a segment sent again, a thread that was woken for two
// connections. What is left sums to the request's latency exactly.
func order(s *dataset.Stage, q *dataset.Request) (out int) {
	before := q.SentNs
	for _, p := range s.Points() {
		switch {
		case *p == 0:
		case *p < before || *p > q.LastByteNs:
			*p = 0
			out++
		default:
			before = *p
		}
	}
	return out
}
