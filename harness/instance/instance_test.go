// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"crossing/harness/testbed"
	"crossing/harness/tier"
)

func bed(t *testing.T) *testbed.Testbed {
	t.Helper()
	b, err := testbed.Netns()
	if errors.Is(err, testbed.ErrPrivilege) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// places are world-readable, since servers run as nobody.
func places(t *testing.T) Places {
	t.Helper()
	dir, err := os.MkdirTemp("", "instance-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return Places{Root: dir, State: filepath.Join(dir, "state"), Bin: dir, Repo: dir}
}

// server is a tier that needs nothing but Debian's python.
func server(start ...string) *tier.Tier {
	return &tier.Tier{
		Name: "test", Boundary: "user", User: "nobody", Start: start,
		Ready: tier.Ready{Path: "/", Within: 10 * time.Second},
	}
}

var files = []string{"/usr/bin/python3", "-m", "http.server", "--bind", "{{.IP}}", "--directory", "{{.Root}}", "{{.Port}}"}

func TestStartErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		tier *tier.Tier
		want string
	}{
		{"ends at once", server("sh", "-c", "echo no license; exit 3"), "no license"},
		{"never answers", server("sleep", "60"), "does not answer"},
		{"no such command", server("/no/such/server"), "ended before it answered"},
		{"missing package", &tier.Tier{Name: "test", Needs: tier.Needs{Commands: []string{"/no/such"}, Packages: []string{"pkg"}}}, "apt-get install pkg"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.tier.Ready.Within = time.Second
			_, err := Start(context.Background(), c.tier, bed(t), places(t))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestPortInUse(t *testing.T) {
	b := bed(t)
	var l net.Listener
	if err := b.Server.Do(func() (err error) {
		l, err = net.Listen("tcp", b.Addr("user").String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err := Start(context.Background(), server(files...), b, places(t))
	if err == nil || !strings.Contains(err.Error(), "something else listens there") {
		t.Errorf("got %v", err)
	}
}

// A server that forks must leave no child, and none may have root.
func TestUnprivilegedAndGone(t *testing.T) {
	tree := append([]string{"sh", "-c", `sleep 1000 & exec "$@"`, "sh"}, files...)
	in, err := Start(context.Background(), server(tree...), bed(t), places(t))
	if err != nil {
		t.Fatal(err)
	}
	ours := descendants(t, in.PID())
	if len(ours) < 2 {
		t.Errorf("%d processes, want the server and its child", len(ours))
	}
	for _, pid := range ours {
		p, err := procfs.NewProc(pid)
		if err != nil {
			t.Fatal(err)
		}
		status, err := p.NewStatus()
		if err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() == 0 && status.UIDs[1] == 0 {
			t.Errorf("process %d of the server runs as root", pid)
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		if status.CapEff != 0 || !strings.Contains(string(text), "NoNewPrivs:\t1\n") {
			t.Errorf("process %d has privileges or may gain some:\n%s", pid, text)
		}
		if os.Geteuid() != 0 {
			continue
		}
		limits, err := p.Limits()
		if err != nil {
			t.Fatal(err)
		}
		if status.CapBnd != 0 || limits.CoreFileSize != 0 || limits.FileSize != maxFileBytes || limits.Processes != maxThreads {
			t.Errorf("process %d: bounding set %x, core %d, file %d, processes %d", pid, status.CapBnd, limits.CoreFileSize, limits.FileSize, limits.Processes)
		}
	}
	in.Stop()
	if in.Running() {
		t.Error("running after Stop")
	}
	for _, pid := range ours {
		if _, err := procfs.NewProc(pid); err == nil {
			t.Errorf("process %d is left", pid)
		}
	}
}

func descendants(t *testing.T, root int) []int {
	t.Helper()
	all, err := procfs.AllProcs()
	if err != nil {
		t.Fatal(err)
	}
	pids := []int{root}
	for i := 0; i < len(pids); i++ {
		for _, p := range all {
			if s, err := p.Stat(); err == nil && s.PPID == pids[i] {
				pids = append(pids, p.PID)
			}
		}
	}
	return pids
}

func TestCPUTimeCountsChildren(t *testing.T) {
	burner := append([]string{"sh", "-c", `(timeout 20 sh -c 'while :; do :; done') & exec "$@"`, "sh"}, files...)
	in, err := Start(context.Background(), server(burner...), bed(t), places(t))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Stop()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		used, err := in.CPUTime()
		if err != nil {
			t.Fatal(err)
		}
		if used >= 100*time.Millisecond {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a child that burns CPU counts for %v", used)
		}
	}
}

// TestConfigInOrderOfNames: many files, since maps of few are often in order.
func TestConfigInOrderOfNames(t *testing.T) {
	files := map[string][]byte{}
	for i := range 20 {
		files[fmt.Sprintf("%02d.conf", i)] = fmt.Appendf(nil, "line %d\n", i)
	}
	var first string
	for i := range 10 {
		in := &Instance{tier: server("true")}
		if err := in.prepare(places(t), &tier.Rendered{Start: []string{"true"}, Files: files}); err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(in.Config)
		}
		if string(in.Config) != first {
			t.Fatalf("start %d differs:\n%s\nfrom\n%s", i, in.Config, first)
		}
	}
}

func TestConfigHashesAlike(t *testing.T) {
	b := bed(t)
	var configs []string
	for range 2 {
		in, err := Start(context.Background(), server(append(files, "--protocol", "HTTP/1.1")...), b, places(t))
		if err != nil {
			t.Fatal(err)
		}
		in.Stop()
		configs = append(configs, string(in.Config))
	}
	if configs[0] != configs[1] {
		t.Errorf("two starts of one tier differ: %q", configs)
	}
}

// TestCPUTimeOfKnownLoads: a server that spins in two threads uses the time of
// its one CPU, and never more; one that sleeps uses next to none.
func TestCPUTimeOfKnownLoads(t *testing.T) {
	b := bed(t)
	spin := "import threading,sys,runpy\ndef f():\n  while True: pass\nfor _ in range(2): threading.Thread(target=f,daemon=True).start()\nsys.argv=sys.argv[1:]\nrunpy.run_module('http.server',run_name='__main__')"
	for _, c := range []struct {
		name        string
		argv        []string
		least, most float64 // of the time between two readings
	}{
		{"spins", append([]string{"/usr/bin/python3", "-c", spin}, files[2:]...), .2, 1},
		{"idle", files, 0, .05},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := Start(context.Background(), server(c.argv...), b, places(t))
			if err != nil {
				t.Fatal(err)
			}
			defer in.Stop()
			before := time.Now()
			start, err := in.CPUTime()
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
			end, err := in.CPUTime()
			if err != nil {
				t.Fatal(err)
			}
			share := float64(end-start) / float64(time.Since(before))
			if share < c.least || share > c.most*float64(len(b.Server.CPUs)) {
				t.Errorf("%.3f of the time between the readings, want %g to %g", share, c.least, c.most)
			}
		})
	}
}
