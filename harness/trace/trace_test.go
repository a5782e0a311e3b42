// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"crossing/data/dataset"
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
	request := dataset.Request{Port: 7, Offset: 60, SentNs: 100, LastByteNs: 200, Status: 200}
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
		j := join([]record{c.record}, []dataset.Request{request}, origin, "test")
		if len(j.Stages) != c.joined || j.Unjoined != 1-c.joined || j.Outside != c.outside || j.Disordered != c.disordered {
			t.Errorf("%s: %+v", c.name, j)
		}
		for i := range j.Stages {
			sumsToLatency(t, &j.Stages[i], &request)
		}
	}
	// A request that got no answer wants no record.
	if j := join(nil, []dataset.Request{{Port: 7}}, origin, "test"); j.Unjoined != 0 {
		t.Errorf("no answer: %+v", j)
	}
}

// sumsToLatency checks that the stages, in order, lie one after the other
// between the client's times.
func sumsToLatency(t *testing.T, s *dataset.Stage, q *dataset.Request) {
	t.Helper()
	before, sum := q.SentNs, int64(0)
	for _, p := range s.Points() {
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

// server listens on loopback, in this process.
func server(t *testing.T) (l net.Listener, port uint16, namespace uint32) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 1000)) }))
	var ns unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &ns); err != nil {
		t.Fatal(err)
	}
	return l, uint16(l.Addr().(*net.TCPAddr).Port), uint32(ns.Ino)
}

func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

// ask sends 20 requests on each of 5 connections, which stay open.
func ask(t *testing.T, l net.Listener, origin int64) (requests []dataset.Request) {
	t.Helper()
	const raw = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for range 5 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		r := bufio.NewReader(c)
		for k := range 20 {
			q := dataset.Request{Port: uint16(c.LocalAddr().(*net.TCPAddr).Port), Offset: int64(k * len(raw)), SentNs: monotonic() - origin}
			fmt.Fprint(c, raw)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			q.LastByteNs, q.Status = monotonic()-origin, uint16(resp.StatusCode)
			requests = append(requests, q)
			time.Sleep(time.Millisecond)
		}
	}
	return requests
}

// TestEachLevel forces every level in turn, on a real server over loopback.
// When it has stopped, with connections open, the kernel holds nothing of it.
func TestEachLevel(t *testing.T) {
	points := map[Level]func(*dataset.Stage) bool{
		Tracepoints: func(s *dataset.Stage) bool { return s.TCPNs != 0 && s.RecvNs != 0 && s.SendNs != 0 && s.FirstNs != 0 },
		Sockops:     func(s *dataset.Stage) bool { return s.TCPNs == 0 && s.SendNs != 0 && s.FirstNs != 0 },
	}
	for _, level := range Levels {
		t.Run(string(level), func(t *testing.T) {
			l, port, namespace := server(t)
			tracer, err := Start(level, port, namespace)
			if err != nil {
				t.Fatal(err)
			}
			defer tracer.Abandon()
			t.Log(tracer)
			if tracer.Level != level {
				t.Skipf("this machine cannot: %v", tracer.Why)
			}
			programs, maps := held(t)
			if points[level] != nil && (len(programs) == 0 || len(maps) < 3) {
				t.Error("the tracer's programs are not seen: this test could not fail")
			}
			origin := monotonic()
			requests := ask(t, l, origin)
			j, err := tracer.Stop(requests, origin)
			if err != nil {
				t.Fatal(err)
			}
			gone(t, programs, maps)
			if points[level] == nil {
				if len(j.Stages) != 0 || j.Unjoined != len(requests) {
					t.Errorf("%d stages, %d unjoined where there is nothing to join", len(j.Stages), j.Unjoined)
				}
				return
			}
			if len(j.Stages) < 95 || j.Lost > 0 || j.Unjoined != len(requests)-len(j.Stages) {
				t.Errorf("%d of 100 requests joined, %d lost, %d outside", len(j.Stages), j.Lost, j.Outside)
			}
			byKey := map[key]*dataset.Request{}
			for i := range requests {
				byKey[key{requests[i].Port, requests[i].Offset}] = &requests[i]
			}
			whole := 0
			for i := range j.Stages {
				s := &j.Stages[i]
				sumsToLatency(t, s, byKey[key{uint16(s.Port), s.Offset}])
				if s.Source != string(level) {
					t.Fatalf("source %q", s.Source)
				}
				if points[level](s) {
					whole++
				}
			}
			if whole < 95 && len(tracer.Missing) == 0 {
				t.Errorf("only %d of %d have the points of the level", whole, len(j.Stages))
			}
		})
	}
	if _, err := Start("kprobes", 1, 1); !errors.Is(err, ErrLevel) {
		t.Errorf("an unknown level: %v", err)
	}
}

// held is what this process holds in the kernel: programs, and maps that it or
// they use, by number. Others of the machine may trace, too.
func held(t *testing.T) (programs []ebpf.ProgramID, maps []ebpf.MapID) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, _ := os.ReadFile(file) // the one of Glob's own folder is gone
		for line := range strings.Lines(string(b)) {
			var n uint32
			if _, err := fmt.Sscanf(line, "map_id: %d", &n); err == nil {
				maps = append(maps, ebpf.MapID(n))
			}
			if _, err := fmt.Sscanf(line, "prog_id: %d", &n); err != nil {
				continue
			}
			programs = append(programs, ebpf.ProgramID(n))
			p, err := ebpf.NewProgramFromID(ebpf.ProgramID(n))
			if err != nil {
				t.Fatal(err)
			}
			info, err := p.Info()
			p.Close()
			if err != nil {
				t.Fatal(err)
			}
			ids, _ := info.MapIDs()
			maps = append(maps, ids...)
		}
	}
	return programs, maps
}

// gone fails if the kernel still has any of these, or a program of them is
// attached to the root control group. Some things it frees a moment after their
// last user.
func gone(t *testing.T, programs []ebpf.ProgramID, maps []ebpf.MapID) {
	t.Helper()
	var left []string
	for range 100 {
		left = left[:0]
		runtime.GC() // unmaps the programs' variables
		for _, id := range programs {
			if p, err := ebpf.NewProgramFromID(id); !errors.Is(err, fs.ErrNotExist) {
				left = append(left, fmt.Sprint("program ", id))
				p.Close()
			}
		}
		for _, id := range maps {
			if m, err := ebpf.NewMapFromID(id); !errors.Is(err, fs.ErrNotExist) {
				left = append(left, fmt.Sprint("map ", id))
				m.Close()
			}
		}
		for _, id := range attached(t) {
			if slices.Contains(programs, id) {
				left = append(left, fmt.Sprint("at the root group: program ", id))
			}
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("left in the kernel: %v", left)
}

// attached are the programs at the root control group.
func attached(t *testing.T) (programs []ebpf.ProgramID) {
	t.Helper()
	group, err := unifiedGroup()
	if err != nil {
		return nil
	}
	f, err := os.Open(group)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if q, err := link.QueryPrograms(link.QueryOptions{Target: int(f.Fd()), Attach: ebpf.AttachCGroupSockOps}); err == nil {
		for _, p := range q.Programs {
			programs = append(programs, p.ID)
		}
	}
	return programs
}

// TestAbandoned gives a tracer up in the middle, connections open.
func TestAbandoned(t *testing.T) {
	for _, level := range []Level{Tracepoints, Sockops} {
		l, port, namespace := server(t)
		tracer, err := Start(level, port, namespace)
		if err != nil {
			t.Fatal(err)
		}
		ask(t, l, monotonic())
		programs, maps := held(t)
		tracer.Abandon()
		tracer.Abandon() // no harm
		gone(t, programs, maps)
	}
}

// TestNoTypes has a kernel that does not say what its types are.
func TestNoTypes(t *testing.T) {
	defer func(name string) { vmlinux = name }(vmlinux)
	vmlinux = filepath.Join(t.TempDir(), "vmlinux")
	_, port, namespace := server(t)
	tracer, err := Start(Tracepoints, port, namespace)
	if err != nil {
		t.Fatal(err)
	}
	if tracer.Level != Stamps || !strings.Contains(tracer.String(), "no tracepoints: the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)") {
		t.Errorf("%s", tracer)
	}
	if programs, maps := held(t); len(programs)+len(maps) != 0 {
		t.Errorf("held: programs %v, maps %v", programs, maps)
	}
}

// TestMissingHook has a kernel without some tracepoint.
func TestMissingHook(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("loading BPF programs takes root")
	}
	spec, err := loadTrace()
	if err != nil {
		t.Fatal(err)
	}
	spec.Programs["ready"].AttachTo = "no_such_tracepoint"
	missing, err := lacking(spec)
	if err != nil || !slices.Contains(missing, "no_such_tracepoint") {
		t.Fatalf("missing %v, %v", missing, err)
	}
	loaded, err := ebpf.NewCollection(spec)
	if err != nil {
		t.Fatalf("without the hook: %v", err)
	}
	loaded.Close()
	essential = append(essential, "no_such_tracepoint")
	defer func() { essential = essential[:len(essential)-1] }()
	if spec, err = loadTrace(); err != nil {
		t.Fatal(err)
	}
	spec.Programs["tcp"].AttachTo = "no_such_tracepoint"
	if _, err := lacking(spec); err == nil || !strings.Contains(err.Error(), "no_such_tracepoint") {
		t.Errorf("an essential hook is missing: %v", err)
	}
	if programs, maps := held(t); len(programs)+len(maps) != 0 {
		t.Errorf("held: programs %v, maps %v", programs, maps)
	}
}

// TestNoPrivilege runs this test in a process without any, which says what it
// takes and falls to the client's stamps.
func TestNoPrivilege(t *testing.T) {
	if os.Getenv("TRACE_UNPRIVILEGED") != "" {
		tracer, err := Start(Tracepoints, 1, 1)
		fmt.Println(tracer, err)
		os.Exit(0)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give its privileges up")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The program may lie where only root can read.
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	open, err := os.MkdirTemp("/tmp", "trace-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(open)
	program := filepath.Join(open, "test")
	if err := errors.Join(os.Chmod(open, 0o755), os.WriteFile(program, b, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^TestNoPrivilege$")
	cmd.Dir = open
	cmd.Env = append(os.Environ(), "TRACE_UNPRIVILEGED=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"stage tracer: stamps", "no tracepoints: ", "no sockops: ", "it takes root, or CAP_BPF"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in: %s", want, out)
		}
	}
}

func TestOwn(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"some columns", "port,offset,device_ns,ready_ns,send_ns,first_tx_ns\n7,60,110,120,170,180\n", ""},
		{"other order", "ready_ns,offset,port\n120,60,7\n", ""},
		{"no record", "port,offset\n", ""},
		{"empty", "", "no header"},
		{"no offset", "port,device_ns\n7,1\n", "port and offset"},
		{"an unknown column", "port,offset,lunch_ns\n", `"lunch_ns" is not known`},
		{"twice", "port,offset,port\n", "twice"},
		{"cut short", "port,offset,device_ns\n7,60,110\n7,1", "wrong number of fields"},
		{"no number", "port,offset\n7,x\n", `"x" is no number`},
		{"a port too far", "port,offset\n70000,1\n", `"70000" is no number up to 65535`},
		{"before the clock", "port,offset,device_ns\n7,60,-1\n", `"-1"`},
	} {
		records, err := readOwn(strings.NewReader(c.text))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		for _, r := range records {
			if r.port != 7 || r.offset != 60 || r.at[2] != 120 {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "stages.csv")
	ended := false
	tracer := Own(file, func() {
		ended = true
		if err := os.WriteFile(file, []byte("port,offset,device_ns,ready_ns,send_ns,first_tx_ns\n7,60,1110,1120,1170,1180\n7,0,1,2,3,4\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	request := dataset.Request{Port: 7, Offset: 60, SentNs: 100, LastByteNs: 200, Status: 200}
	j, err := tracer.Stop([]dataset.Request{request}, 1000)
	if err != nil || !ended || len(j.Stages) != 1 || j.Outside != 1 || j.Disordered != 0 {
		t.Fatalf("%+v, %v", j, err)
	}
	sumsToLatency(t, &j.Stages[0], &request)
	if s := j.Stages[0]; s.Source != "server" || s.DeviceNs != 110 || s.TCPNs != 0 || s.RecvNs != 0 || s.FirstNs != 180 {
		t.Errorf("%+v", s)
	}
	if _, err := Own(file+"x", func() {}).Stop(nil, 0); err == nil || !strings.Contains(err.Error(), "stages: server") {
		t.Errorf("no file: %v", err)
	}
}

func FuzzOwn(f *testing.F) {
	f.Add([]byte("port,offset,device_ns\n7,60,110\n"))
	f.Add([]byte("offset,port,\"last_tx_ns\"\n1,2,3\n4,5"))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, err := readOwn(bytes.NewReader(b))
		if err != nil {
			return
		}
		if len(records) > bytes.Count(b, []byte{'\n'})+bytes.Count(b, []byte{'\r'})+1 {
			t.Fatalf("%d records from %d bytes", len(records), len(b))
		}
		for _, r := range records {
			if r.port > 65535 || int64(r.offset) < 0 {
				t.Fatalf("%+v", r)
			}
		}
	})
}
