// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// needVM skips where no machine can be had at all, and says why.
func needVM(t *testing.T) {
	t.Helper()
	if missing := Missing(context.Background()); len(missing) > 0 {
		t.Skip("no virtual machine can be had here:\n" + strings.Join(missing, "\n"))
	}
}

// The whole way in and out: the hardware that is promised, a program and a file
// of the host, output, results, exit code.
func TestRun(t *testing.T) {
	needVM(t)
	dir := t.TempDir()
	var live bytes.Buffer
	script := `set -e
ethtool -i eth0 | grep -x 'driver: igb'
ethtool -i eth1 | grep -x 'driver: igb'
test $(ls /sys/kernel/iommu_groups | wc -l) -gt 2
grep -x 'HugePages_Total: *16' /proc/meminfo
cat data
mkdir /out/sub; echo left >/out/sub/file
for p in apache2 nginx flask gunicorn wrk dpdk-devbind.py; do command -v $p >/dev/null || echo "no $p"; done
( sleep 1000 & )
exit 7`
	r, err := Run(context.Background(), Options{
		Argv: []string{"sh", "-c", script}, Files: []File{{Path: "data", Data: []byte("brought\n")}},
		Hugepages: 16, Results: dir, Output: &live, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.ExitCode != 7 {
		t.Errorf("exit code %d, want 7", r.ExitCode)
	}
	want := "driver: igb\ndriver: igb\nHugePages_Total:      16\nbrought\n"
	if diff := cmp.Diff(want, string(r.Output)); diff != "" {
		t.Error("output: " + diff)
	}
	if live.String() != string(r.Output) {
		t.Errorf("as it came: %q", live.String())
	}
	if b, err := os.ReadFile(filepath.Join(dir, "sub", "file")); string(b) != "left\n" {
		t.Errorf("result: %q, %v", b, err)
	}
	if !bytes.Contains(r.Dmesg, []byte("igb")) {
		t.Error("the kernel's log is missing")
	}
	if r.Identity.Image == "" || r.Identity.Input == "" || r.Identity.Clock != "virtual" {
		t.Errorf("identity: %+v", r.Identity)
	}
}

// A machine that hangs ends at the limit, with all that it was.
func TestTimeLimit(t *testing.T) {
	needVM(t)
	t.Setenv("TMPDIR", t.TempDir())
	_, err := Run(context.Background(), Options{Argv: []string{"sleep", "1000000"}, Timeout: 2 * time.Second})
	if !errors.Is(err, ErrTimeout) {
		t.Errorf("Run = %v, want %v", err, ErrTimeout)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(2*time.Second, cancel)
	if _, err := Run(ctx, Options{Argv: []string{"sleep", "1000000"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Run, interrupted = %v, want %v", err, context.Canceled)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("left in the temporary folder: %v", left)
	}
	if left := children(t); left != "" {
		t.Errorf("processes left: %s", left)
	}
}

// children lists this process's children.
func children(t *testing.T) string {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, file := range tasks {
		b, _ := os.ReadFile(file) // the thread may be gone
		all = append(all, b...)
	}
	return string(all)
}

func TestSourceLines(t *testing.T) {
	targets := strings.Join([]string{
		"Debian\tbookworm\thttp://mirror/debian/\tmain",
		"Debian\tbookworm\thttp://mirror/debian/\tcontrib",
		"Debian\tbookworm-updates\thttp://mirror/debian/\tmain",
		"Debian\tbookworm-security\thttp://mirror/security/\tmain",
		"Debian Backports\tbookworm-backports\thttp://mirror/debian/\tmain",
		"Someone\tbookworm\thttp://else/\tmain",
	}, "\n")
	want := []string{
		"deb http://mirror/debian/ bookworm contrib main",
		"deb http://mirror/debian/ bookworm-updates main",
		"deb http://mirror/security/ bookworm-security main",
	}
	if diff := cmp.Diff(want, sourceLines(targets, "bookworm")); diff != "" {
		t.Error(diff)
	}
}

func TestPolicyCandidates(t *testing.T) {
	policy := "wrk:\n  Installed: (none)\n  Candidate: 4.1.0-3+b2\n  Version table:\n     4.1.0-3+b2 500\nnone-such:\n  Installed: (none)\n  Candidate: (none)\n"
	want := map[string]string{"wrk": "4.1.0-3+b2", "none-such": "(none)"}
	if diff := cmp.Diff(want, policyCandidates(policy)); diff != "" {
		t.Error(diff)
	}
}

func TestClosure(t *testing.T) {
	deps := map[string][]string{
		"kernel/igb.ko":               {"kernel/i2c-algo-bit.ko", "kernel/dca.ko"},
		"kernel/i2c-algo-bit.ko":      nil,
		"kernel/dca.ko":               nil,
		"kernel/vfio/vfio-pci.ko.xz":  {"kernel/vfio/vfio-core.ko.xz", "kernel/vfio/vfio.ko.xz"},
		"kernel/vfio/vfio-core.ko.xz": {"kernel/vfio/vfio.ko.xz"},
		"kernel/vfio/vfio.ko.xz":      nil,
	}
	want := []string{"kernel/dca.ko", "kernel/i2c-algo-bit.ko", "kernel/igb.ko",
		"kernel/vfio/vfio.ko.xz", "kernel/vfio/vfio-core.ko.xz", "kernel/vfio/vfio-pci.ko.xz"}
	if diff := cmp.Diff(want, closure(deps, []string{"vfio_pci", "igb", "built_in"})); diff != "" {
		t.Error(diff)
	}
}

func TestArguments(t *testing.T) {
	o := Options{Argv: []string{"true"}, Kernel: &Kernel{Image: "vmlinuz"}, Seed: 7, Shift: -1}
	o.defaults()
	line := strings.Join((&machine{opts: o, console: "c", output: "o"}).arguments(), " ")
	for _, want := range []string{"-accel tcg,thread=single", "-icount shift=0,sleep=off", "clock=vm", "-seed 7", "nokaslr"} {
		if !strings.Contains(line, want) {
			t.Errorf("virtual time: no %q in %s", want, line)
		}
	}
	o.Clock = RealTime
	line = strings.Join((&machine{opts: o, accel: "kvm"}).arguments(), " ")
	if strings.Contains(line, "icount") || !strings.Contains(line, "-accel kvm") {
		t.Errorf("real time: %s", line)
	}
}

// A guest that has gone mad writes nowhere but into its folder.
func TestExtractStaysInside(t *testing.T) {
	for _, name := range []string{"out/../../x", "/out/x", "x", "out//etc/x", "out/a/../../../x"} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg})
		w.Close()
		parent := t.TempDir()
		if err := extract(b.Bytes(), filepath.Join(parent, "r"), new(Result)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFilesStayBelowJob(t *testing.T) {
	o := Options{Argv: []string{"true"}, Kernel: &Kernel{}, Files: []File{{Path: "../init"}}}
	if _, err := jobArchive(&o, false); err == nil {
		t.Error("a file outside of /job: no error")
	}
}
