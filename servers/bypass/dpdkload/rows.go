// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"os"

	"crossing/servers/bypass/client"
	"crossing/servers/clientrow"
)

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
		row := clientrow.Row{
			SentNs: since(a.Sent), FirstByteNs: since(a.First), LastByteNs: since(a.Last), Offset: a.Offset, Bytes: a.Bytes,
			Conn: int32(a.Conn), Port: a.Port, Status: uint16(a.Status), Failure: a.Failure,
		}
		if _, err := w.Write(row.Append(w.AvailableBuffer())); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
