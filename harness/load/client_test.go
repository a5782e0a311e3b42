// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crossing/data/dataset"
	"crossing/servers/clientrow"
)

// clientRowOf is a row as a client program writes it.
func clientRowOf(sent, first, last int64, bytes int64, status uint16, why clientrow.Failure) []byte {
	r := clientrow.Row{SentNs: sent, FirstByteNs: first, LastByteNs: last, Offset: 4000, Bytes: bytes, Conn: 7, Port: 1024, Status: status, Failure: why}
	return r.Append(nil)
}

func TestReadClientRows(t *testing.T) {
	c := &Config{WarmUp: 100, Status: 200, BodyLen: 10}
	for _, test := range []struct {
		name string
		row  []byte
		want dataset.Failure
		warm bool
		bad  string
	}{
		{name: "good", row: clientRowOf(100, 120, 130, 10, 200, 0)},
		{name: "of the warm-up", row: clientRowOf(99, 120, 130, 10, 200, 0), warm: true},
		{name: "other status", row: clientRowOf(100, 120, 130, 10, 404, 0), want: dataset.Status},
		{name: "other length", row: clientRowOf(100, 120, 130, 11, 200, 0), want: dataset.Length},
		{name: "reset", row: clientRowOf(100, 120, 130, 0, 0, 1), want: dataset.Reset},
		{name: "closed", row: clientRowOf(100, 120, 130, 0, 0, 2), want: dataset.Closed},
		{name: "malformed", row: clientRowOf(100, 120, 130, 0, 0, 3), want: dataset.Malformed},
		{name: "unknown failure", row: clientRowOf(100, 120, 130, 0, 0, 9), bad: "makes no sense"},
		{name: "answered before it was sent", row: clientRowOf(100, 90, 130, 10, 200, 0), bad: "makes no sense"},
		{name: "sent before the start", row: clientRowOf(-1, 90, 130, 10, 200, 0), bad: "makes no sense"},
		{name: "cut off", row: clientRowOf(100, 120, 130, 10, 200, 0)[:50], bad: "no whole rows"},
	} {
		rows, err := readClientRows(bytes.NewReader(test.row), c)
		if test.bad != "" {
			if err == nil || !strings.Contains(err.Error(), test.bad) {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err != nil || len(rows) != 1 {
			t.Errorf("%s: %d rows, %v", test.name, len(rows), err)
			continue
		}
		if q := rows[0]; q.Failure != test.want || q.WarmUp != test.warm || q.Conn != 7 || q.Port != 1024 || q.Offset != 4000 || q.LastByteNs != 130 {
			t.Errorf("%s: %+v", test.name, q)
		}
	}
}

func FuzzReadClientRows(f *testing.F) {
	f.Add(clientRowOf(100, 120, 130, 10, 200, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := readClientRows(bytes.NewReader(b), &Config{Status: 200, BodyLen: -1})
		if err == nil && len(rows) != len(b)/clientrow.Size {
			t.Errorf("%d rows in %d bytes", len(rows), len(b))
		}
		for i := range rows {
			if q := &rows[i]; q.ServiceNs() < 0 || q.Status == 0 && q.OK() {
				t.Errorf("row %d: %+v", i, q)
			}
		}
	})
}

// TestRunClient starts programs that are no proper clients.
func TestRunClient(t *testing.T) {
	c := Config{Target: netip.MustParseAddrPort("127.0.0.1:80"), Connections: 1, Duration: time.Millisecond, BodyLen: -1}
	script := func(text string) []string {
		file := filepath.Join(t.TempDir(), "client")
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
		return []string{file}
	}
	for text, want := range map[string]string{
		"echo no device >&2; exit 3": "no device",
		"echo hello":                 "printed no report",
		"echo '{}'":                  "wrote no rows",
		`for f; do :; done; printf abc >"$f"; echo '{}'`: "3 bytes are no whole rows",
	} {
		if _, err := RunClient(t.Context(), c, script(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := RunClient(t.Context(), c, nil); err == nil {
		t.Error("no program, no error")
	}
	c.Workers, c.Connections = 2, 2
	if _, err := RunClient(t.Context(), c, script("echo '{}'")); err == nil || !strings.Contains(err.Error(), "knows no") {
		t.Errorf("two workers: %v", err)
	}
	// What it is started with.
	c = Config{Target: netip.MustParseAddrPort("10.78.0.3:80"), Path: "/100", Connections: 3, Duration: time.Second, WarmUp: time.Millisecond, BodyLen: -1}
	r, err := RunClient(t.Context(), c, append(script(`
test "$*" = "--port p --target 10.78.0.3:80 --host 10.78.0.3:80 --path /100 --connections 3 --warmup 1ms --duration 1s --rows ${16}" || { echo "$*" >&2; exit 1; }
: >"${16}"; echo '{"conns":3,"opened":3,"seconds":0.5,"cpu_ns":9,"origin_ns":77,"wire":"memif"}'`), "--port", "p"))
	if err != nil || fmt.Sprintln(r.Opened, r.Elapsed, r.OriginNs, r.Wire, int64(r.ClientCPU)) != "3 500ms 77 memif 9\n" {
		t.Errorf("opened %d, elapsed %v, origin %d, wire %q, %v", r.Opened, r.Elapsed, r.OriginNs, r.Wire, err)
	}
}

// TestClientEdges: the edges of a client program's measured part come as it says
// when its warm-up begins; a program that is over before has none.
func TestClientEdges(t *testing.T) {
	const report = "{\"conns\":3,\"seconds\":1,\"origin_ns\":7}\n"
	for _, c := range []struct {
		name  string
		start string // what it prints first
		want  int
	}{
		{"an hour ago", fmt.Sprintf("{\"origin_ns\":%d}\n", now()-int64(time.Hour)), 2},
		{"not said", "", 0},
		{"in an hour", fmt.Sprintf("{\"origin_ns\":%d}\n", now()+int64(time.Hour)), 0},
	} {
		out, program := io.Pipe()
		edges := make(chan int, 2)
		go func() {
			defer program.Close()
			fmt.Fprint(program, c.start)
			for deadline := time.Now().Add(5 * time.Second); len(edges) < c.want && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
			fmt.Fprint(program, report)
		}()
		r, err := hearClient(out, &Config{WarmUp: time.Second, Duration: time.Second, AtEdge: func(edge int) { edges <- edge }})
		if err != nil || r.Conns != 3 || len(edges) != c.want {
			t.Errorf("%s: %+v, %v, %d edges, want %d", c.name, r, err, len(edges), c.want)
		}
		for i := range len(edges) {
			if edge := <-edges; edge != i {
				t.Errorf("%s: edge %d came as number %d", c.name, edge, i)
			}
		}
	}
	for _, out := range []string{"", "no JSON\n"} {
		if _, err := hearClient(strings.NewReader(out), &Config{}); err == nil {
			t.Errorf("%q is taken for a report", out)
		}
	}
}
