package data

import (
	"cmp"
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
	Port     int32  `parquet:"port,delta" doc:"the client's TCP port"`
	Offset   int64  `parquet:"offset,delta" unit:"B" doc:"bytes that the client had sent on the connection before the request"`
	DeviceNs int64  `parquet:"device_ns,delta" unit:"ns" doc:"the request's last segment left the device; bypass: its burst was off the port"`
	TCPNs    int64  `parquet:"tcp_ns,delta" unit:"ns" doc:"the kernel's TCP took it; bypass: none, see ready_ns"`
	ReadyNs  int64  `parquet:"ready_ns,delta" unit:"ns" doc:"TCP said that data is ready; module: its callback in the event mode; bypass: TCP showed the data to HTTP"`
	WokenNs  int64  `parquet:"woken_ns,delta" unit:"ns" doc:"a thread was woken for it; bypass: none"`
	OnCPUNs  int64  `parquet:"oncpu_ns,delta" unit:"ns" doc:"that thread came onto a CPU; bypass: none"`
	RecvNs   int64  `parquet:"recv_ns,delta" unit:"ns" doc:"the server took it from its socket, the last time before it answered; bypass: none"`
	SendNs   int64  `parquet:"send_ns,delta" unit:"ns" doc:"the server gave the answer to its stack; module and bypass: the answer was ready"`
	FirstNs  int64  `parquet:"first_tx_ns,delta" unit:"ns" doc:"the answer's first segment was given to the device; bypass: its burst was"`
	LastNs   int64  `parquet:"last_tx_ns,delta" unit:"ns" doc:"the answer's last segment was given to the device; bypass: none"`
	Source   string `parquet:"source,dict" doc:"what took the times, as the run's column trace says"`
}

// WriteStages writes stages as Parquet, sorted by connection and offset.
func WriteStages(w io.Writer, stages []Stage) error {
	sorted := slices.Clone(stages)
	slices.SortFunc(sorted, func(a, b Stage) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.DeviceNs, b.DeviceNs))
	})
	return writeParquet(w, sorted)
}

// ReadStages reads what WriteStages wrote.
func ReadStages(r io.ReaderAt, size int64) ([]Stage, error) {
	stages, err := readParquet[Stage](r, size)
	if err != nil {
		return nil, fmt.Errorf("stages: %w", err)
	}
	return stages, nil
}
