// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"crossing/servers/bypass/client"
	"crossing/servers/clientrow"
)

// TestRows writes rows and reads them back. Those from before the start are left
// out.
func TestRows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows")
	err := writeRows(file, []client.Response{
		{Conn: 1, Sent: 5, First: 6, Last: 7, Status: 200},
		{Conn: 70000, Port: 65000, Offset: 1 << 40, Sent: 110, First: 120, Last: 130, Status: 404, Bytes: 64 << 20, Failure: clientrow.Closed},
	}, func(ns int64) int64 { return ns - 100 })
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != clientrow.Size {
		t.Fatalf("%d bytes, not one row of %d", len(b), clientrow.Size)
	}
	want := clientrow.Row{SentNs: 10, FirstByteNs: 20, LastByteNs: 30, Offset: 1 << 40, Bytes: 64 << 20, Conn: 70000, Port: 65000, Status: 404, Failure: clientrow.Closed}
	if got, err := clientrow.Decode(b); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
