package trace

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crossing/data"
)

func TestJoin(t *testing.T) {
	const origin = 1000
	at := func(times ...uint64) (a [9]uint64) {
		for i, v := range times {
			if v != 0 {
				a[i] = v + origin
			}
		}
		return a
	}
	whole := at(110, 120, 130, 140, 150, 160, 170, 180, 190)
	request := data.Request{Port: 7, Offset: 60, SentNs: 100, LastByteNs: 200, Status: 200}
	for _, c := range []struct {
		name                        string
		record                      record
		joined, outside, disordered int
	}{
		{"whole", record{offset: 60, port: 7, at: whole}, 1, 0, 0},
		{"another offset", record{offset: 61, port: 7, at: whole}, 0, 1, 0},
		{"another port", record{offset: 60, port: 8, at: whole}, 0, 1, 0},
		{"the port's earlier life", record{offset: 60, port: 7, at: at(10, 20, 30, 40, 50, 60, 70, 80, 90)}, 0, 1, 0},
		{"never woken", record{offset: 60, port: 7, at: at(110, 120, 130, 0, 0, 160, 170, 180, 190)}, 1, 0, 0},
		{"sent again later", record{offset: 60, port: 7, at: at(110, 120, 130, 140, 150, 160, 170, 180, 300)}, 1, 0, 1},
		{"woken before ready", record{offset: 60, port: 7, at: at(110, 120, 130, 125, 150, 160, 170, 180, 190)}, 1, 0, 1},
	} {
		j := join([]record{c.record}, []data.Request{request}, origin)
		if len(j.Stages) != c.joined || j.Unjoined != 1-c.joined || j.Outside != c.outside || j.Disorder != c.disordered {
			t.Errorf("%s: %+v", c.name, j)
		}
		for i := range j.Stages {
			sumsToLatency(t, &j.Stages[i], &request)
		}
	}
	// A request that got no answer wants no record.
	if j := join(nil, []data.Request{{Port: 7}}, origin); j.Unjoined != 0 {
		t.Errorf("no answer: %+v", j)
	}
}

// sumsToLatency checks that the stages, in order, lie one after the other
// between the client's times.
func sumsToLatency(t *testing.T, s *data.Stage, q *data.Request) {
	t.Helper()
	before, sum := q.SentNs, int64(0)
	for _, p := range points(s) {
		if *p == 0 {
			continue
		}
		if *p < before {
			t.Fatalf("points out of order: %+v", s)
		}
		sum += *p - before
		before = *p
	}
	if sum += q.LastByteNs - before; sum != q.ServiceNs() {
		t.Fatalf("stages sum to %d ns, the latency is %d ns", sum, q.ServiceNs())
	}
}

// TestRealServer traces a server of this process over loopback, with several
// requests on several connections.
func TestRealServer(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 1000)) }))
	var ns unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &ns); err != nil {
		t.Fatal(err)
	}
	tracer, err := Start(uint16(l.Addr().(*net.TCPAddr).Port), uint32(ns.Ino))
	if errors.Is(err, ErrUnavailable) && (os.Geteuid() != 0 || strings.Contains(err.Error(), "BTF")) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(tracer.Missing) > 0 {
		t.Logf("this kernel has no %v", tracer.Missing)
	}
	now := func() int64 {
		var ts unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
		return ts.Nano()
	}
	origin := now()
	var requests []data.Request
	const raw = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for range 5 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		r := bufio.NewReader(c)
		for k := range 20 {
			q := data.Request{Port: uint16(c.LocalAddr().(*net.TCPAddr).Port), Offset: int64(k * len(raw)), SentNs: now() - origin}
			fmt.Fprint(c, raw)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			q.LastByteNs, q.Status = now()-origin, uint16(resp.StatusCode)
			requests = append(requests, q)
			time.Sleep(time.Millisecond)
		}
	}
	j, err := tracer.Stop(requests, origin)
	if err != nil {
		t.Fatal(err)
	}
	if len(j.Stages) < 95 || j.Lost > 0 {
		t.Errorf("%d of 100 requests joined, %d lost, %d outside", len(j.Stages), j.Lost, j.Outside)
	}
	byKey := map[key]*data.Request{}
	for i := range requests {
		byKey[key{requests[i].Port, requests[i].Offset}] = &requests[i]
	}
	received := 0
	for i := range j.Stages {
		s := &j.Stages[i]
		sumsToLatency(t, s, byKey[key{uint16(s.Port), s.Offset}])
		if s.RecvNs != 0 && s.FirstNs != 0 {
			received++
		}
	}
	if received < len(j.Stages)*9/10 {
		t.Errorf("only %d of %d have both the receive and the transmission", received, len(j.Stages))
	}
}
