// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"crossing/data/dataset"
	"crossing/harness/load"
	"crossing/harness/testbed"
)

// programs are built once for the tests below, which run them as users do.
var programs string

func TestMain(m *testing.M) {
	load.Main() // a test that makes a load starts this program once more, as a worker
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "harness-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil {
			panic(err)
		}
		programs = filepath.Join(dir, "bin")
		out, err := exec.Command("go", "build", "-o", programs+"/", ".", "../../../servers/user/gohttp").CombinedOutput()
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s\n", out)
			return 1
		}
		// The tier files are found beside the programs.
		for _, room := range []string{"servers", "harness"} {
			at, err := filepath.Abs("../../../" + room)
			if err != nil {
				panic(err)
			}
			if room == "servers" {
				if err := os.CopyFS(filepath.Join(dir, "servers", "user", "gohttp"), os.DirFS("../../../servers/user/gohttp")); err != nil {
					panic(err)
				}
				continue
			}
			if err := os.Symlink(at, filepath.Join(dir, room)); err != nil {
				panic(err)
			}
		}
		return m.Run()
	}())
}

func harness(arg ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(programs, "harness"), arg...)
	cmd.Env = append(os.Environ(), "CROSSING_REPO="+filepath.Dir(programs))
	return cmd
}

func needsTestbed(t *testing.T) {
	t.Helper()
	bed, err := testbed.Netns()
	if errors.Is(err, testbed.ErrPrivilege) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	bed.Close()
}

// folder is a place that nobody can write to as well.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "harness-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

const plan = `name: tiny
tiers: [gohttp]
connections: [1, 2, 4, 8]
files: ["100"]
blocks: 3
warmup: 10ms
duration: 150ms
`

func planFile(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "tiny.yaml")
	if err := os.WriteFile(file, []byte(plan), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestKillAndResume kills a sweep in its middle, twice, in two ways, and goes
// on: every cell is there once, and nothing is left of the dead.
func TestKillAndResume(t *testing.T) {
	needsTestbed(t)
	dir := folder(t)
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "v0.1.0")
	file := planFile(t, dir)
	for _, s := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		cmd := harness("sweep", "--out", out, "--version", "0.1.0", file)
		cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
		journal := filepath.Join(out+".partial", "journal.jsonl")
		before, _ := os.ReadFile(journal)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			if now, _ := os.ReadFile(journal); bytes.Count(now, []byte("\n")) >= bytes.Count(before, []byte("\n"))+2 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("no run in a minute")
			}
		}
		_ = cmd.Process.Signal(s)
		err := cmd.Wait()
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatalf("after %v: %v", s, err)
		}
		if s == syscall.SIGINT {
			if exit.ExitCode() != 130 {
				t.Errorf("after SIGINT: status %d, want 130", exit.ExitCode())
			}
			if left, _ := filepath.Glob(tmp + "/*"); len(left) > 1 { // one is of the killed
				t.Errorf("left in TMPDIR: %v", left)
			}
		}
		if _, err := dataset.Open(out); err == nil {
			t.Fatal("a partial dataset passes for a whole one")
		}
	}
	if b, err := harness("sweep", "--out", out, "--version", "0.1.0", file).CombinedOutput(); err != nil {
		t.Fatalf("resuming: %v\n%s", err, b)
	} else if !strings.Contains(string(b), "resuming:") {
		t.Errorf("it does not say that it resumes:\n%s", b)
	}
	if err := dataset.Verify(out); err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range d.Runs() {
		seen[r.Run]++
	}
	if len(seen) != 12 || len(d.Runs()) != 12 {
		t.Errorf("%d runs of %d cells, want 12 of 12", len(d.Runs()), len(seen))
	}
	if ps, _ := exec.Command("pgrep", "-f", programs+"/gohttp").Output(); len(ps) > 0 {
		t.Errorf("servers are left: %s", ps)
	}
}

// TestFullDisk collects onto a file system with room for a few runs only, and
// resumes when it has grown.
func TestFullDisk(t *testing.T) {
	needsTestbed(t)
	dir := folder(t)
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=120k"); err != nil {
		t.Skipf("a small file system needs root: %v", err)
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	out := filepath.Join(disk, "v0.1.0")
	file := planFile(t, dir)
	b, err := harness("sweep", "--out", out, file).CombinedOutput()
	if err == nil || !strings.Contains(string(b), "free some space") {
		t.Fatalf("on a full disk: %v\n%s", err, b)
	}
	if err := syscall.Mount("none", disk, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	if b, err := harness("sweep", "--out", out, file).CombinedOutput(); err != nil {
		t.Fatalf("with room again: %v\n%s", err, b)
	}
	if err := dataset.Verify(out); err != nil {
		t.Error(err)
	}
}

// TestWithoutRoot sweeps as nobody, in a user namespace.
func TestWithoutRoot(t *testing.T) {
	needsTestbed(t)
	if os.Geteuid() != 0 {
		t.Skip("the other tests already run without root")
	}
	dir := folder(t)
	cmd := harness("sweep", "--out", filepath.Join(dir, "v0.1.0"), planFile(t, dir))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	b, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(b), "unprivileged user namespaces") {
		t.Skipf("this kernel does not allow them: %s", b)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if err := dataset.Verify(filepath.Join(dir, "v0.1.0")); err != nil {
		t.Error(err)
	}
}

// TestBadInput: each gives one error that names the thing and the remedy, and
// a status that is not 0.
func TestBadInput(t *testing.T) {
	dir := folder(t)
	file := planFile(t, dir)
	bad := func(from, to string) string {
		name := filepath.Join(dir, "bad.yaml")
		if err := os.WriteFile(name, []byte(strings.Replace(plan, from, to, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, c := range []struct {
		name string
		arg  func() []string
		want []string
	}{
		{"unknown tier", func() []string { return []string{"sweep", bad("gohttp", "gohtp")} }, []string{`"gohtp"`, "there are"}},
		{"load of 0", func() []string { return []string{"sweep", bad("[1, 2, 4, 8]", "[0]")} }, []string{"connections 0", "from 1"}},
		{"unknown plan", func() []string { return []string{"sweep", "nosuch"} }, []string{"nosuch", "kick"}},
		{"unknown file", func() []string { return []string{"sweep", bad(`["100"]`, `["7"]`)} }, []string{`"7"`, "it has 0, 100"}},
		{"place that cannot be written", func() []string { return []string{"sweep", "--out", "/proc/nowhere/v1", file} }, []string{"/proc/nowhere"}},
		{"unknown tier to check", func() []string { return []string{"tier", "check", "nosuch"} }, []string{"nosuch", "harness tier new"}},
		{"no tier to check", func() []string { return []string{"tier", "check"} }, []string{"harness tier list"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := harness(c.arg()...).CombinedOutput()
			if err == nil {
				t.Fatalf("status 0:\n%s", b)
			}
			if n := strings.Count(strings.TrimSpace(string(b)), "\n"); n > 0 {
				t.Errorf("more than one line:\n%s", b)
			}
			for _, w := range c.want {
				if !strings.Contains(string(b), w) {
					t.Errorf("no %q in %s", w, b)
				}
			}
		})
	}
}

// TestNoPrivilege runs without any capability, and where the harness may not
// get them by a user namespace of its own.
func TestNoPrivilege(t *testing.T) {
	dir := folder(t)
	cmd := exec.Command("setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all",
		filepath.Join(programs, "harness"), "sweep", "--out", filepath.Join(dir, "v0.1.0"), planFile(t, dir))
	cmd.Env = append(os.Environ(), "CROSSING_REPO="+filepath.Dir(programs), "CROSSING_USERNS=1")
	b, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(b), "run as root, or allow unprivileged user namespaces") {
		t.Errorf("%v\n%s", err, b)
	}
	if n := strings.Count(strings.TrimSpace(string(b)), "\n"); n > 0 {
		t.Errorf("more than one line:\n%s", b)
	}
}

func TestTierNew(t *testing.T) {
	dir := folder(t)
	if b, err := harness("tier", "new", "mine", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if b, err := harness("tier", "new", "mine", dir).CombinedOutput(); err == nil || !strings.Contains(string(b), "remove it first") {
		t.Errorf("written over: %v\n%s", err, b)
	}
	cmd := harness("tier", "list")
	cmd.Env = append(cmd.Env, "CROSSING_TIERS="+dir)
	if b, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(b), "mine") {
		t.Errorf("%v\n%s", err, b)
	}
}
