package data

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// A Stage is the server's side of one request: when it passed each point of
// its way. Times are CLOCK_MONOTONIC in nanoseconds less the run's origin, as
// those of a Request; 0 says that the point was not seen (a bypass tier has no
// wake-up). Port and Offset name the request.
type Stage struct {
	Port     int32  `parquet:"port,delta" doc:"the client's TCP port"`
	Offset   int64  `parquet:"offset,delta" unit:"B" doc:"bytes that the client had sent on the connection before the request"`
	DeviceNs int64  `parquet:"device_ns,delta" unit:"ns" doc:"the request's last segment left the device (or the receive burst)"`
	TCPNs    int64  `parquet:"tcp_ns,delta" unit:"ns" doc:"the server's TCP took it"`
	ReadyNs  int64  `parquet:"ready_ns,delta" unit:"ns" doc:"the socket said that data is ready"`
	WokenNs  int64  `parquet:"woken_ns,delta" unit:"ns" doc:"a thread was woken for it"`
	OnCPUNs  int64  `parquet:"oncpu_ns,delta" unit:"ns" doc:"that thread came onto a CPU"`
	RecvNs   int64  `parquet:"recv_ns,delta" unit:"ns" doc:"the server had the request in hand: receive returned, or the parser had it whole"`
	SendNs   int64  `parquet:"send_ns,delta" unit:"ns" doc:"the server gave the answer to its stack"`
	FirstNs  int64  `parquet:"first_tx_ns,delta" unit:"ns" doc:"the answer's first segment was given to the device"`
	LastNs   int64  `parquet:"last_tx_ns,delta" unit:"ns" doc:"the answer's last segment was given to the device"`
	Source   string `parquet:"source,dict" doc:"what took the times: tracepoint, module, bypass, stamp"`
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
