// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"crossing/data/dataset"
)

// The tests' own program is what Run starts again.
func TestMain(m *testing.M) {
	if os.Getenv(noPwait2Env) != "" {
		if err := hidePwait2(); err != nil {
			panic(err)
		}
	}
	Main()
	os.Exit(m.Run())
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func null(t testing.TB, bodyLen int, block bool) *NullServer {
	t.Helper()
	n, err := StartNull(context.Background(), loopback, -1, bodyLen, block, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func run(t testing.TB, c Config) *Result {
	t.Helper()
	r, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// runSome repeats a run until a request fell into its measured part: on a busy
// machine a short run may be over before the worker was given a CPU.
func runSome(t testing.TB, c Config) *Result {
	t.Helper()
	for {
		r := run(t, c)
		for i := range r.Requests {
			if q := &r.Requests[i]; !q.WarmUp && q.Failure != dataset.Unsent {
				return r
			}
		}
	}
}

// TestClosedLoop runs every mode against a server that does nothing wrong, and
// checks what must hold of the rows of any run.
func TestClosedLoop(t *testing.T) {
	for _, test := range []struct {
		name string
		Config
	}{
		{"hybrid", Config{Mode: Hybrid, Connections: 1}},
		{"hybrid of 16", Config{Mode: Hybrid, Connections: 16}},
		{"spin", Config{Mode: Spin, Connections: 1}},
		{"spin of 4", Config{Mode: Spin, Connections: 4}},
		{"block", Config{Mode: Block, Connections: 3}},
		{"tick", Config{Mode: Tick, Connections: 2}},
		{"two workers", Config{Mode: Block, Connections: 5, Workers: 2}},
		{"more workers than connections", Config{Mode: Block, Connections: 2, Workers: 4}},
		{"stamps", Config{Mode: Block, Connections: 2, Stamps: true}},
		{"pinned", Config{Mode: Block, Connections: 2, CPUs: []int{0}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := test.Config
			c.Target, c.BodyLen, c.Path = null(t, 100, true).Addr, 100, "/100"
			c.WarmUp, c.Duration, c.Jitter = 50*time.Millisecond, 200*time.Millisecond, 5*time.Millisecond
			r := runSome(t, c)
			s := r.Summary()
			if s.OK == 0 || s.OK != s.Requests || len(s.Failures) != 0 {
				t.Errorf("ok %d of %d, failures %v", s.OK, s.Requests, s.Failures)
			}
			if r.Opened != c.Connections || r.Reconnects != 0 {
				t.Errorf("%d opened, %d reconnects; want %d, 0", r.Opened, r.Reconnects, c.Connections)
			}
			if slices.Contains(s.Marks, "rows") {
				t.Errorf("rows are missing: %v", s.Warnings)
			}
			if r.ClientCPU <= 0 || r.Watched == 0 || r.Elapsed != c.Duration {
				t.Errorf("CPU %v, watched for %v, %v elapsed", r.ClientCPU, r.Watched, r.Elapsed)
			}
			checkRows(t, r, c)
		})
	}
}

// TestLongBodies checks the null server as much as the client: an answer that is
// longer than any socket's buffer.
func TestLongBodies(t *testing.T) {
	const length = 20 << 20
	c := Config{Target: null(t, length, true).Addr, Connections: 3, Mode: Hybrid, BodyLen: length, Duration: 300 * time.Millisecond, Timeout: 20 * time.Second, Jitter: -1}
	r := run(t, c)
	if s := r.Summary(); s.OK < 3 || s.OK != s.Requests {
		t.Errorf("%d of %d, failures %v", s.OK, s.Requests, s.Failures)
	}
	checkRows(t, r, c)
}

// checkRows checks what holds of every row, whatever happened.
func checkRows(t *testing.T, r *Result, c Config) {
	t.Helper()
	offsets := map[int32]int64{}
	length := int64(-1)
	again := map[int64]bool{} // due times of requests that were shed and sent again
	for i := range r.Requests {
		if q := &r.Requests[i]; q.Failure == dataset.Shed {
			again[q.IntendedNs] = true
		}
	}
	for i := range r.Requests {
		q := &r.Requests[i]
		if q.IntendedNs > q.SentNs || q.SentNs > q.FirstByteNs || q.FirstByteNs > q.LastByteNs {
			t.Fatalf("row %d: times decrease: %+v", i, *q)
		}
		if q.WarmUp != (q.IntendedNs < int64(c.WarmUp)) {
			t.Fatalf("row %d: warm-up %v at %v", i, q.WarmUp, time.Duration(q.IntendedNs))
		}
		if c.Schedule == nil && q.OK() && q.IntendedNs != q.SentNs && !again[q.IntendedNs] {
			t.Fatalf("row %d: a closed loop's request waited: %+v", i, *q)
		}
		if q.Failure == dataset.None && (q.Status != 200 || c.BodyLen >= 0 && q.Bytes != c.BodyLen || q.Port == 0) {
			t.Fatalf("row %d: %+v", i, *q)
		}
		if c.Stamps && q.Failure == dataset.None && (q.StampNs < q.SentNs-1e6 || q.StampNs > q.LastByteNs) {
			t.Fatalf("row %d: stamp outside of the request: %+v", i, *q)
		}
		if q.Failure == dataset.Unsent || q.Failure == dataset.Refused {
			continue
		}
		if before, ok := offsets[q.Conn]; !ok && q.Offset != 0 || ok && q.Offset <= before {
			t.Fatalf("row %d: offset %d after %d on connection %d", i, q.Offset, before, q.Conn)
		} else if ok && before == 0 {
			if length < 0 {
				length = q.Offset
			}
			if q.Offset != length {
				t.Fatalf("row %d: requests of %d and %d bytes", i, length, q.Offset)
			}
		}
		offsets[q.Conn] = q.Offset
	}
}
