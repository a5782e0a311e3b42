// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/binary"
	"os"

	"crossing/servers/bypass/client"
)

// rowSize is the length of a row in the file of -rows. A row is one request,
// little-endian, times in ns since Result.OriginNs:
//
//	int64  sent, first byte, last byte
//	int64  offset in the connection's stream of requests
//	int64  bytes of the body
//	int32  connection
//	uint16 the client's TCP port
//	uint16 HTTP status; 0: no whole answer
//	uint8  why: 0 none, 1 reset, 2 closed, 3 malformed
//	7 bytes that are 0
const rowSize = 56

// mostRows is how many requests one run can record: 72 B each, until its end.
const mostRows = 8 << 20

// writeRows writes the requests that were sent since the start of the run;
// since turns their times into ns since then.
func writeRows(file string, answers []client.Response, since func(ns int64) int64) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	for i := range answers {
		a := &answers[i]
		if since(a.Sent) < 0 {
			continue
		}
		if _, err := w.Write(appendRow(w.AvailableBuffer(), a, since)); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func appendRow(b []byte, a *client.Response, since func(ns int64) int64) []byte {
	for _, n := range []int64{since(a.Sent), since(a.First), since(a.Last), a.Offset, a.Bytes} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(a.Conn))
	b = binary.LittleEndian.AppendUint16(b, a.Port)
	b = binary.LittleEndian.AppendUint16(b, uint16(a.Status))
	return append(b, byte(a.Failure), 0, 0, 0, 0, 0, 0, 0)
}
