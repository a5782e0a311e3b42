// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"crossing/servers/bypass/client"
)

// TestRows writes rows and finds each field where rowSize says it is. Those
// from before the start are left out.
func TestRows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows")
	err := writeRows(file, []client.Response{
		{Conn: 1, Sent: 5, First: 6, Last: 7, Status: 200},
		{Conn: 70000, Port: 65000, Offset: 1 << 40, Sent: 110, First: 120, Last: 130, Status: 404, Bytes: 64 << 20, Failure: client.Closed},
	}, func(ns int64) int64 { return ns - 100 })
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != rowSize {
		t.Fatalf("%d bytes, not one row of %d", len(b), rowSize)
	}
	le := binary.LittleEndian
	for i, want := range []uint64{10, 20, 30, 1 << 40, 64 << 20} {
		if got := le.Uint64(b[8*i:]); got != want {
			t.Errorf("number %d is %d, not %d", i, got, want)
		}
	}
	if conn, port, status := le.Uint32(b[40:]), le.Uint16(b[44:]), le.Uint16(b[46:]); conn != 70000 || port != 65000 || status != 404 || b[48] != 2 {
		t.Errorf("connection %d, port %d, status %d, failure %d", conn, port, status, b[48])
	}
}
