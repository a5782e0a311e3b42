// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A Stage is the server's side of one request: when it passed each point of
// its way. Times are CLOCK_MONOTONIC in nanoseconds less the run's origin, as
// those of a Request; 0 says that the point was not seen, or that this server
// has none such. Points that are there are in order, so that the times between
// them, and from the client's send to its last byte, sum to the latency. Port
// and Offset name the request.
//
// A bypass tier runs to completion: it has no wake-up, no thread to schedule
// and no receive call, and the times between are 0 by design, not by omission.
type Stage struct {
	Port     int32  // the client's TCP port
	Offset   int64  // bytes that the client had sent on the connection before the request
	DeviceNs int64  // the request's last segment left the device
	TCPNs    int64  // the kernel's TCP took it
	ReadyNs  int64  // TCP said that data is ready
	WokenNs  int64  // a thread was woken for it
	OnCPUNs  int64  // that thread came onto a CPU
	RecvNs   int64  // the server took it from its socket
	SendNs   int64  // the server gave the answer to its stack
	FirstNs  int64  // the answer's first segment was given to the device
	LastNs   int64  // the answer's last segment was given to the device
	Source   string // what took the times, as Run.Trace
}

// Points are the addresses of the stage's times, in the order of the request's
// way.
func (s *Stage) Points() [9]*int64 {
	return [...]*int64{&s.DeviceNs, &s.TCPNs, &s.ReadyNs, &s.WokenNs, &s.OnCPUNs, &s.RecvNs, &s.SendNs, &s.FirstNs, &s.LastNs}
}

// A stageRow is a Stage as it is stored: each point's time after the point
// before it that was seen, which is exact, and a third of the size.
type stageRow struct {
	Port    int32  `parquet:"port,delta" doc:"the client's TCP port"`
	Offset  int64  `parquet:"offset,delta" unit:"B" doc:"bytes that the client had sent on the connection before the request; with port the join key to requests"`
	StartNs int64  `parquet:"start_ns,delta" unit:"ns" doc:"when the first point was passed that was seen, since the run's origin; the next columns count from the point before that was seen, -1: not seen, or there is none such"`
	Device  int64  `parquet:"device_ns,delta" unit:"ns" doc:"the request's last segment left the device; bypass: its burst was off the port"`
	TCP     int64  `parquet:"tcp_ns,delta" unit:"ns" doc:"the kernel's TCP took it; bypass: none, see ready_ns"`
	Ready   int64  `parquet:"ready_ns,delta" unit:"ns" doc:"TCP said that data is ready; module: its callback in the event mode; bypass: TCP showed the data to HTTP"`
	Woken   int64  `parquet:"woken_ns,delta" unit:"ns" doc:"a thread was woken for it; bypass: none"`
	OnCPU   int64  `parquet:"oncpu_ns,delta" unit:"ns" doc:"that thread came onto a CPU; bypass: none"`
	Recv    int64  `parquet:"recv_ns,delta" unit:"ns" doc:"the server took it from its socket, the last time before it answered; bypass: none"`
	Send    int64  `parquet:"send_ns,delta" unit:"ns" doc:"the server gave the answer to its stack; module and bypass: the answer was ready"`
	First   int64  `parquet:"first_tx_ns,delta" unit:"ns" doc:"the answer's first segment was given to the device; bypass: its burst was"`
	Last    int64  `parquet:"last_tx_ns,delta" unit:"ns" doc:"the answer's last segment was given to the device; bypass: none"`
	Source  string `parquet:"source,dict" doc:"what took the times, as the run's column trace says"`
}

func (r *stageRow) points() [9]*int64 {
	return [...]*int64{&r.Device, &r.TCP, &r.Ready, &r.Woken, &r.OnCPU, &r.Recv, &r.Send, &r.First, &r.Last}
}

// errOrder says that a stage's points are not in order.
var errOrder = errors.New("a point lies before an earlier one")

func toStageRow(s *Stage) (stageRow, error) {
	r := stageRow{Port: s.Port, Offset: s.Offset, Source: s.Source}
	to, before := r.points(), int64(0)
	for i, at := range s.Points() {
		switch {
		case *at == 0:
			*to[i] = -1
			continue
		case before == 0:
			r.StartNs = *at
		case *at < before:
			return r, fmt.Errorf("stage of port %d at offset %d: %w", s.Port, s.Offset, errOrder)
		default:
			*to[i] = *at - before
		}
		before = *at
	}
	return r, nil
}

func (r *stageRow) stage() Stage {
	s := Stage{Port: r.Port, Offset: r.Offset, Source: r.Source}
	to, at := s.Points(), r.StartNs
	for i, passed := range r.points() {
		if *passed >= 0 {
			at += *passed
			*to[i] = at
		}
	}
	return s
}

// WriteStages writes stages as Parquet, sorted by connection and offset. A
// stage whose points are not in order is an error.
func WriteStages(w io.Writer, stages []Stage) error {
	rows := make([]stageRow, len(stages))
	for i := range stages {
		var err error
		if rows[i], err = toStageRow(&stages[i]); err != nil {
			return err
		}
	}
	slices.SortFunc(rows, func(a, b stageRow) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.StartNs, b.StartNs))
	})
	return writeParquet(w, rows)
}

// ReadStages reads what WriteStages wrote.
func ReadStages(r io.ReaderAt, size int64) ([]Stage, error) {
	rows, err := readParquet[stageRow](r, size)
	if err != nil {
		return nil, fmt.Errorf("stages: %w", err)
	}
	stages := make([]Stage, len(rows))
	for i := range rows {
		stages[i] = rows[i].stage()
	}
	return stages, nil
}
