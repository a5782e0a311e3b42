// SPDX-License-Identifier: Apache-2.0

// Package clientrow is the row that a client program outside of the harness writes
// for each request, and the harness reads (harness load --client).
package clientrow

import (
	"encoding/binary"
	"fmt"
)

// Size is the length of a row in bytes. It is little-endian: five int64, an int32,
// two uint16 and a uint8 in the order of Row's fields, then seven bytes that are 0.
const Size = 56

// A Row is one request. Times are ns since the start of the run's warm-up.
type Row struct {
	SentNs, FirstByteNs, LastByteNs int64
	Offset                          int64  // bytes sent on the connection before the request
	Bytes                           int64  // of the body
	Conn                            int32  // connection
	Port                            uint16 // the client's TCP port
	Status                          uint16 // HTTP status; 0: no complete response
	Failure                         Failure
}

// A Failure is why there is no complete response. The numbers are those of the
// row's byte.
type Failure uint8

// The kinds of failure.
const (
	None      Failure = iota
	Reset             // connection reset by the server
	Closed            // connection closed by the server
	Malformed         // bytes that are no response
	failures
)

// Append appends the row to b.
func (r *Row) Append(b []byte) []byte {
	le := binary.LittleEndian
	for _, n := range [...]int64{r.SentNs, r.FirstByteNs, r.LastByteNs, r.Offset, r.Bytes} {
		b = le.AppendUint64(b, uint64(n))
	}
	b = le.AppendUint32(b, uint32(r.Conn))
	b = le.AppendUint16(b, r.Port)
	b = le.AppendUint16(b, r.Status)
	return append(b, byte(r.Failure), 0, 0, 0, 0, 0, 0, 0)
}

// Decode reads the row at the start of b. A row whose numbers cannot be is an
// error.
func Decode(b []byte) (r Row, err error) {
	if len(b) < Size {
		return r, fmt.Errorf("%d bytes are no row of %d", len(b), Size)
	}
	le := binary.LittleEndian
	for i, to := range [...]*int64{&r.SentNs, &r.FirstByteNs, &r.LastByteNs, &r.Offset, &r.Bytes} {
		*to = int64(le.Uint64(b[8*i:]))
	}
	r.Conn, r.Port, r.Status, r.Failure = int32(le.Uint32(b[40:])), le.Uint16(b[44:]), le.Uint16(b[46:]), Failure(b[48])
	if r.Failure >= failures || r.SentNs < 0 || r.FirstByteNs < r.SentNs || r.LastByteNs < r.FirstByteNs || r.Bytes < 0 || r.Offset < 0 || r.Conn < 0 {
		return r, fmt.Errorf("a row makes no sense: %+v", r)
	}
	return r, nil
}
