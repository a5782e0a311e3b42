// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"crossing/data/dataset"
	"crossing/harness/vm"
)

// TestPair loads the bypass tier over shared memory, with no kernel on either
// side, and wants a dataset with every request in it.
func TestPair(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("DPDK needs root")
	}
	if err := exec.Command("pkg-config", "--exists", "libdpdk").Run(); err != nil {
		t.Skip("libdpdk is not here; ./setup.sh installs it")
	}
	dir := t.TempDir()
	buildBypass(t, dir)
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "100"), make([]byte, 100), 0o644); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "memif")
	// Both ends poll: each wants a CPU of its own.
	var onServer, onClient []string
	if runtime.NumCPU() > 1 {
		onServer, onClient = []string{"taskset", "-c", "0"}, []string{"taskset", "-c", "1"}
	}
	argv := append(onServer, filepath.Join(dir, "dpdk"), "--port", "memif-server:"+socket, "--listen", "10.78.0.3:80", "--root", root)
	server := exec.Command(argv[0], argv[1:]...)
	server.Stderr = os.Stderr
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	says, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
	}()
	line, err := bufio.NewReader(says).ReadString('\n')
	if err != nil || !strings.Contains(line, "serving") {
		t.Fatalf("the server said %q, %v", line, err)
	}
	out := filepath.Join(dir, "pair")
	cmd := harness("load", "-c", "8", "-d", "300ms", "--warmup", "50ms", "--length", "100", "--out", out,
		"--client", strings.Join(append(onClient, filepath.Join(dir, "dpdkload"), "--port", "memif-client:"+socket, "--source", "10.78.0.4"), " "), "http://10.78.0.3/100")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	} else {
		t.Logf("%s", text)
	}
	run := checkPair(t, out, "pair", "memif", "10.78.0.3")
	if age := time.Since(time.Unix(0, run.StartUnixNs)); age < 0 || age > 2*time.Minute {
		t.Errorf("it began %v ago", age)
	}
}

// TestFunctions loads the bypass tier on a virtual function of the guest's first
// port from one of its second: the kernel is out of the way at both ends.
func TestFunctions(t *testing.T) {
	if missing := vm.Missing(t.Context()); len(missing) > 0 {
		t.Skip("no virtual machine can be had here:\n" + strings.Join(missing, "\n"))
	}
	dir := t.TempDir()
	buildBypass(t, dir)
	const script = `set -e
mkdir /tmp/root
head -c 100 /dev/zero > /tmp/root/100
mkfifo /tmp/says
taskset -c 0 dpdk --port vf:eth0 --listen 10.78.0.3:80 --root /tmp/root > /tmp/says &
server=$!
exec 3< /tmp/says
read said <&3
harness load -c 8 -d 100ms --warmup 20ms --length 100 --out /out/pair \
	--client "taskset -c 1 dpdkload --port vf:eth1 --source 10.78.0.4" http://10.78.0.3/100
kill $server
wait $server
`
	out := filepath.Join(dir, "out")
	r, err := vm.Run(t.Context(), vm.Options{
		Argv: []string{"sh", "-c", script}, Env: []string{"CROSSING_REPO=/job"},
		Binaries:  []string{filepath.Join(dir, "dpdk"), filepath.Join(dir, "dpdkload"), filepath.Join(programs, "harness")},
		Hugepages: 128, Seed: 1, Timeout: 20 * time.Minute, Output: t.Output(), Results: out,
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.ExitCode != 0 {
		t.Fatalf("in the guest it ended with exit code %d", r.ExitCode)
	}
	checkPair(t, filepath.Join(out, "pair"), "pair", "vf", "10.78.0.3")
}

func buildBypass(t *testing.T, dir string) {
	t.Helper()
	if out, err := exec.Command("go", "build", "-tags", "dpdk", "-o", dir+"/", "../../../servers/bypass/dpdk", "../../../servers/bypass/dpdkload").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// checkPair wants a dataset of one run over eight connections to host with every
// request in it.
func checkPair(t *testing.T, out, bed, wire, host string) *dataset.Run {
	t.Helper()
	if err := dataset.Verify(out); err != nil {
		t.Error(err)
	}
	d, err := dataset.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	run := &d.Runs()[0]
	if len(d.Runs()) != 1 || run.Testbed != bed || run.Wire != wire || run.Opened != 8 || run.Failures != 0 || run.Outcome != dataset.OK {
		t.Errorf("%+v", run)
	}
	rows, err := d.Requests(run)
	if err != nil {
		t.Fatal(err)
	}
	warm, next := 0, map[int32]int64{}
	ask := int64(len("GET /100 HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
	for i := range rows {
		q := &rows[i]
		if q.WarmUp {
			warm++
		}
		if !q.OK() || q.Bytes != 100 || q.LastByteNs < q.SentNs {
			t.Fatalf("row %d: %+v", i, q)
		}
		// None is missing: each starts in the stream where the last has ended.
		if at, seen := next[q.Conn]; seen && q.Offset != at {
			t.Fatalf("row %d of connection %d starts at %d, not %d", i, q.Conn, q.Offset, at)
		}
		next[q.Conn] = q.Offset + ask
	}
	if len(next) != 8 || warm == 0 || int64(len(rows)-warm) < run.Requests {
		t.Errorf("%d rows, %d of them of the warm-up, on %d connections; %d requests counted", len(rows), warm, len(next), run.Requests)
	}
	return run
}
