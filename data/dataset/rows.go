// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// A row is a Request as it is stored. Times are differences along the path
// intended → sent → first byte → last byte, which is exact, and half the size
// of four absolute times once rows are sorted by connection.
type row struct {
	Conn       int32  `parquet:"conn,delta" doc:"connection, from 0; a reconnect takes a new number"`
	Port       int32  `parquet:"port,delta" doc:"the client's TCP port; with offset the join key to stages"`
	Offset     int64  `parquet:"offset,delta" unit:"B" doc:"bytes sent on the connection before this request"`
	IntendedNs int64  `parquet:"intended_ns,delta" unit:"ns" doc:"when the schedule wanted the request sent, since the run's origin; in a closed loop, when it was sent"`
	LatenessNs int64  `parquet:"lateness_ns,delta" unit:"ns" doc:"sent - intended"`
	TTFBNs     int64  `parquet:"ttfb_ns,delta" unit:"ns" doc:"first byte - sent"`
	TransferNs int64  `parquet:"transfer_ns,delta" unit:"ns" doc:"last byte - first byte"`
	StampLagNs int64  `parquet:"stamp_lag_ns,delta" unit:"ns" doc:"last byte - receive stamp of kernel or NIC: the client's own share; 0: no stamp"`
	Bytes      int64  `parquet:"bytes,delta" unit:"B" doc:"length of the body received"`
	Status     int32  `parquet:"status,delta" doc:"HTTP status; 0: no complete response"`
	Failure    string `parquet:"failure,dict" doc:"none, or in what way the request was not answered as demanded"`
	WarmUp     bool   `parquet:"warmup" doc:"within the warm-up: not to be used in statistics of the steady state"`
}

func toRow(r *Request) row {
	lag := int64(0)
	if r.StampNs != 0 {
		lag = r.LastByteNs - r.StampNs
	}
	return row{
		Conn: r.Conn, Port: int32(r.Port), Offset: r.Offset,
		IntendedNs: r.IntendedNs,
		LatenessNs: r.SentNs - r.IntendedNs,
		TTFBNs:     r.FirstByteNs - r.SentNs,
		TransferNs: r.LastByteNs - r.FirstByteNs,
		StampLagNs: lag,
		Bytes:      r.Bytes, Status: int32(r.Status), Failure: r.Failure.String(), WarmUp: r.WarmUp,
	}
}

func (s *row) request() (Request, error) {
	f := slices.Index(failureNames[:], s.Failure)
	if f < 0 {
		return Request{}, fmt.Errorf("unknown failure %q", s.Failure)
	}
	r := Request{
		Conn: s.Conn, Port: uint16(s.Port), Offset: s.Offset,
		IntendedNs: s.IntendedNs, Bytes: s.Bytes, Status: uint16(s.Status), Failure: Failure(f), WarmUp: s.WarmUp,
	}
	r.SentNs = r.IntendedNs + s.LatenessNs
	r.FirstByteNs = r.SentNs + s.TTFBNs
	r.LastByteNs = r.FirstByteNs + s.TransferNs
	if s.StampLagNs != 0 {
		r.StampNs = r.LastByteNs - s.StampLagNs
	}
	return r, nil
}

// WriteRequests writes requests as Parquet, sorted by connection and time. The
// bytes depend on the rows alone, neither on their order nor on the machine.
func WriteRequests(w io.Writer, requests []Request) error {
	rows := make([]row, len(requests))
	for i := range requests {
		rows[i] = toRow(&requests[i])
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.Conn, b.Conn), cmp.Compare(a.IntendedNs, b.IntendedNs), cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.LatenessNs, b.LatenessNs))
	})
	return writeParquet(w, rows)
}

// ReadRequests reads what WriteRequests wrote.
func ReadRequests(r io.ReaderAt, size int64) ([]Request, error) {
	rows, err := readParquet[row](r, size)
	if err != nil {
		return nil, err
	}
	requests := make([]Request, len(rows))
	for i := range rows {
		if requests[i], err = rows[i].request(); err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
	}
	return requests, nil
}

// rowGroup bounds the memory that a reader needs.
const rowGroup = 1 << 20

func writeParquet[T any](w io.Writer, rows []T) error {
	out := parquet.NewGenericWriter[T](w,
		parquet.Compression(&parquet.Zstd),
		parquet.MaxRowsPerRowGroup(rowGroup),
		parquet.PageBufferSize(256<<10),
		parquet.CreatedBy("crossing", "1", "0"),
	)
	if _, err := out.Write(rows); err != nil {
		return err
	}
	return out.Close()
}

func readParquet[T any](r io.ReaderAt, size int64) (rows []T, err error) {
	// The library answers some damage with a panic.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("no readable Parquet: %v", p)
		}
	}()
	f, err := parquet.OpenFile(r, size)
	if err != nil {
		return nil, err
	}
	if f.NumRows() > maxRows {
		return nil, fmt.Errorf("%d rows in one file, more than any run holds (%d)", f.NumRows(), int64(maxRows))
	}
	in := parquet.NewGenericReader[T](f)
	defer in.Close()
	rows = make([]T, f.NumRows())
	for n := 0; n < len(rows); {
		k, err := in.Read(rows[n:])
		n += k
		if err == io.EOF && n == len(rows) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// maxRows keeps a damaged footer from asking for all memory.
const maxRows = 1 << 28
