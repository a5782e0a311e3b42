// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"crossing/harness/vm"
)

// A kernel module is tested in a machine that may crash. Outside of one, this
// test binary boots one and runs itself there; TestInGuest reports what happens
// there.
const inGuest = "KHTTPD_IN_GUEST"

// longRun, if not empty, repeats the tests as often as the module's promises
// say; without it, they are short enough to run at each change.
const longRun = "KHTTPD_LONG"

// onlyRun chooses among the guest's tests, as go test's -run does.
const onlyRun = "KHTTPD_RUN"

// otherKernel names a built Linux source tree to boot in place of Debian's
// kernel: kmod/debug-kernel.sh makes one with KASAN, lockdep and kmemleak.
const otherKernel = "KHTTPD_LINUX"

// sendPath are the tests that depend on the kernel's way of sending pages,
// which differs from 6.5 on (MSG_SPLICE_PAGES).
const sendPath = "TestConformance/khttpd$|TestRequests|TestFileChangesWhileSent|TestOnlyWhatOthersMayRead|TestResetAtAnyPoint"

func TestInGuest(t *testing.T) {
	if os.Getenv(inGuest) != "" {
		t.Skip("this is the guest")
	}
	if missing := vm.Missing(t.Context()); len(missing) > 0 {
		t.Skip("no virtual machine can be had here:\n" + strings.Join(missing, "\n"))
	}
	only := os.Getenv(onlyRun)
	if dir := os.Getenv(otherKernel); dir != "" {
		kernel, err := vm.LocalKernel(dir)
		must(t, err)
		runInGuest(t, kernel, only)
		return
	}
	for flavour, tests := range map[string]string{vm.Linux61: "", vm.Linux612: sendPath} {
		t.Run(flavour, func(t *testing.T) {
			kernel, err := vm.DebianKernel(t.Context(), flavour)
			must(t, err)
			runInGuest(t, kernel, cmp.Or(only, tests))
		})
	}
}

// runInGuest runs this package's tests in a guest, those that only matches.
func runInGuest(t *testing.T, kernel *vm.Kernel, only string) {
	ctx := t.Context()
	ko, err := vm.BuildModule(ctx, kernel, "../../../kmod")
	if err != nil {
		t.Fatal(err)
	}
	slow, err := vm.BuildModule(ctx, kernel, slowAccept(t))
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := []string{"/job/self", "-test.v", "-test.timeout=0"}
	if only != "" {
		argv = append(argv, "-test.run="+only)
	}
	limit := 20 * time.Minute // two on two calm cores
	env := []string{inGuest + "=1"}
	if os.Getenv(longRun) != "" {
		env = append(env, longRun+"=1")
	}
	if os.Getenv(longRun) != "" || os.Getenv(otherKernel) != "" {
		limit = 2 * time.Hour
	}
	files := []vm.File{
		{Path: "self", Source: self, Executable: true},
		{Path: "khttpd.ko", Source: ko},
		{Path: "slow/khttpd.ko", Source: slow},
	}
	for _, name := range []string{"khttpd.tier.yaml", "khttpd-paper.tier.yaml"} {
		files = append(files, vm.File{Path: name, Source: name})
	}
	r, err := vm.Run(ctx, vm.Options{
		Argv: argv, Env: env, Files: files, Kernel: kernel, Seed: 1,
		Timeout: limit, Output: &logWriter{t: t},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.ExitCode != 0 {
		t.Errorf("the tests in the guest ended with exit code %d", r.ExitCode)
	}
	for _, line := range complaints(r.Dmesg) {
		t.Errorf("kernel: %s", line)
	}
	t.Logf("guest: %+v", r.Identity)
}

// slowAccept returns a copy of the module's source in which the work that
// accepts a connection is delayed just before the connection is served, for
// longer than the shortest idle limit.
func slowAccept(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS("../../../kmod")))
	file := filepath.Join(dir, "conn.c")
	source, err := os.ReadFile(file)
	must(t, err)
	const start = "	if (khttpd_blocking(server) ? khttpd_blocking_start(conn) : khttpd_event_start(conn))"
	if n := bytes.Count(source, []byte(start)); n != 1 {
		t.Fatalf("%d places start a connection, want 1", n)
	}
	source = bytes.Replace(source, []byte(start), []byte("	msleep(3500);\n"+start), 1)
	must(t, os.WriteFile(file, append([]byte("#include <linux/delay.h>\n"), source...), 0o644))
	return dir
}

// logWriter passes whole lines to the test's log.
type logWriter struct {
	t    *testing.T
	rest []byte
}

func (w *logWriter) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		w.t.Logf("%s", line)
		w.rest = rest
	}
}

// trouble is what a kernel that found a fault writes.
var trouble = regexp.MustCompile(`(?i)WARNING:|BUG:|\bOops\b|general protection|Call Trace|blocked for more than|soft lockup|rcu.*stall|KASAN|use-after-free|possible (circular|recursive) locking|suspicious RCU|inconsistent lock|scheduling while atomic|sleeping function|refcount_t|list_(add|del) corruption|page allocation failure|kmem_cache_destroy|unreferenced object|Bad page|slab .* Objects remaining|ODEBUG`)

// complaints are the lines of a kernel log that tell of a fault.
func complaints(log []byte) []string {
	var found []string
	for s := bufio.NewScanner(bytes.NewReader(log)); s.Scan(); {
		if trouble.MatchString(s.Text()) && !harmless.MatchString(s.Text()) {
			found = append(found, s.Text())
		}
	}
	return found
}

// harmless lines only announce what could be found.
var harmless = regexp.MustCompile(`KernelAddressSanitizer initialized|kmemleak: Kernel memory leak detector|use-after-free debug is enabled|mitigation|printed on boot`)

func TestComplaints(t *testing.T) {
	for line, want := range map[string]int{
		"<6>[    1.0] khttpd: selftest: 28 requests passed":                        0,
		"<6>[    0.0] kasan: KernelAddressSanitizer initialized":                   0,
		"<6>[    3.8] rcu: 	RCU callback double-/use-after-free debug is enabled.": 0,
		"<4>[   12.3] WARNING: CPU: 0 PID: 7 at net/ipv4/tcp.c:1 tcp_x+0x1/0x2":    1,
		"<3>[   12.3] BUG: KASAN: use-after-free in khttpd_conn_step+0x1/0x2":      1,
		"<3>[  120.0] INFO: task rmmod:99 blocked for more than 60 seconds.":       1,
		"<4>[   12.3] cache khttpd_conn: kmem_cache_destroy called with objects":   1,
	} {
		if got := len(complaints([]byte(line))); got != want {
			t.Errorf("%q: %d complaints, want %d", line, got, want)
		}
	}
}

// beGuest skips a test that needs the guest, where TestInGuest runs it.
func beGuest(t *testing.T) {
	t.Helper()
	if os.Getenv(inGuest) == "" {
		t.Skip("runs in the guest, from TestInGuest")
	}
}

func long() bool { return os.Getenv(longRun) != "" }

// times is how often something is done in a short and in a long run.
func times(short, much int) int {
	if long() {
		return much
	}
	return short
}

// job is a file that the host put into the guest.
func job(name string) string { return filepath.Join("/job", name) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustf(t *testing.T, err error, format string, a ...any) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", fmt.Sprintf(format, a...), err)
	}
}
