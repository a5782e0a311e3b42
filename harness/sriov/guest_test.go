// SPDX-License-Identifier: Apache-2.0

package sriov

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"crossing/data/dataset"
	"crossing/harness/guest"
	"crossing/harness/tier"
	"crossing/harness/vm"
)

// TestServerInGuest measures a server machine with an SR-IOV port over ssh. The
// machine is a guest with the emulated 82576, its port leads by a bridge to the
// client's, which is half of a veth pair: the code is the one that two real
// machines would run, and only the testbed's file tells them apart.
//
// The bridge, the guest and the client stand in a network namespace of their
// own, in which this test runs itself again.
func TestServerInGuest(t *testing.T) {
	if os.Getenv(place) != "" {
		inNamespace(t, os.Getenv(place))
		return
	}
	ctx := t.Context()
	if missing := vm.Missing(ctx); len(missing) > 0 {
		t.Skip("no virtual machine can be had here:\n" + strings.Join(missing, "\n"))
	}
	for _, tool := range []string{"ssh", "ssh-keygen", "dropbear"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v: ./setup.sh", err)
		}
	}
	dir, repo := project(t)
	k, err := vm.DebianKernel(ctx, vm.Linux61)
	must(t, err)
	ko, err := vm.BuildModule(ctx, k, filepath.Join(repo, "kmod"))
	must(t, err)
	b, err := os.ReadFile(ko)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "khttpd.ko"), b, 0o644))
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(ctx, self, "-test.v", "-test.run=^TestServerInGuest$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), place+"="+dir)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if id := os.Geteuid(); id != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: id, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	must(t, cmd.Run())
}

// project builds the project's programs into a folder of their own, beside its
// tiers.
func project(t *testing.T) (dir, repo string) {
	t.Helper()
	repo, err := filepath.Abs("../..")
	must(t, err)
	dir, err = os.MkdirTemp("", "sriov-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	build := func(env string, arg ...string) {
		cmd := exec.Command("go", append([]string{"build", "-ldflags=-s -w", "-o", dir + "/bin/"}, arg...)...)
		cmd.Dir, cmd.Env = repo, append(os.Environ(), env)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	build("CGO_ENABLED=0", "./harness/cmd/harness", "./servers/kernel/khttpd")
	build("CGO_ENABLED=1", "-tags", "dpdk", "./servers/bypass/dpdk")
	must(t, os.CopyFS(filepath.Join(dir, "servers"), os.DirFS(filepath.Join(repo, "servers"))))
	must(t, os.Symlink(filepath.Join(repo, "harness"), filepath.Join(dir, "harness")))
	return dir, repo
}

// place tells this test, when it runs itself in a namespace, where the programs
// lie.
const place = "SRIOV_TEST_PLACE"

// TestOneMachine measures between two ports of one machine, a guest in virtual
// time, and wants both ports as they were.
func TestOneMachine(t *testing.T) {
	ctx := t.Context()
	if missing := vm.Missing(ctx); len(missing) > 0 {
		t.Skip("no virtual machine can be had here:\n" + strings.Join(missing, "\n"))
	}
	dir, repo := project(t)
	all, err := tier.All(filepath.Join(repo, "servers"))
	must(t, err)
	var used []*tier.Tier
	for _, name := range []string{"nginx", "dpdk"} {
		x, err := tier.Find(all, name)
		must(t, err)
		used = append(used, x)
	}
	k, err := vm.DebianKernel(ctx, vm.Linux61)
	must(t, err)
	files, err := guest.Bundle(ctx, k, repo, filepath.Join(dir, "bin"), used)
	must(t, err)
	both := state + "\n" + strings.ReplaceAll(state, "eth0", "eth1")
	files = append(files,
		vm.File{Path: "lab.yaml", Data: []byte("server: {port: eth0, folder: /tmp/crossing}\nclient: {port: eth1}\nwire: a hub\nemulator: QEMU\n")},
		vm.File{Path: "plan.yaml", Data: fmt.Appendf(nil, plan, 1)},
		vm.File{Path: "state", Data: []byte(both)},
		vm.File{Path: "run", Data: []byte(`set -e
ip link set eth0 up; ip link set eth0 down; ip link set eth1 up # for their interrupts to be there
sh /job/state >/out/before
/job/repo/bin/harness sweep --testbed /job/lab.yaml --tiers nginx,dpdk --out /out/d /job/plan.yaml
sh /job/state >/out/after
`)})
	results := t.TempDir()
	r, err := vm.Run(ctx, vm.Options{
		Argv: []string{"sh", "/job/run"}, Env: []string{"CROSSING_REPO=" + guest.Repo}, Files: files, Kernel: k,
		Seed: 1, Timeout: 10 * time.Minute, Results: results,
	})
	must(t, err)
	t.Logf("%s", r.Output)
	if r.ExitCode != 0 {
		t.Fatalf("exit code %d", r.ExitCode)
	}
	before, err := os.ReadFile(results + "/before")
	must(t, err)
	after, err := os.ReadFile(results + "/after")
	must(t, err)
	if string(before) != string(after) {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	d, err := dataset.Open(results + "/d")
	must(t, err)
	measured := map[string]bool{}
	for _, run := range d.Runs() {
		rows, err := d.Requests(&run)
		must(t, err)
		measured[run.Tier] = true
		if run.Outcome != dataset.OK || len(rows) == 0 || run.Testbed != "sriov" {
			t.Errorf("%d rows: %+v", len(rows), run)
		}
	}
	if len(measured) != 2 {
		t.Errorf("only %v were measured", measured)
	}
}

// The guest's first port is measured; ssh comes by the second.
const testbedFile = `
server:
  ssh: root@127.0.0.1
  options: [-p, "2222", -i, %[1]s/key, -o, StrictHostKeyChecking=no, -o, UserKnownHostsFile=%[1]s/known]
  port: eth0
  module: khttpd.ko
client:
  port: vc0
wire: an emulated 82576, a tap, a bridge and a veth pair
emulator: QEMU %[2]s
`

const plan = `
name: short
testbed: sriov
tiers: [nginx, khttpd, dpdk]
connections: [4]
files: ["100"]
blocks: %d
warmup: 100ms
duration: 400ms
`

// state is all that a sweep may change on the server machine.
const state = `
for d in /sys/bus/pci/devices/*; do echo "$d $(basename "$(readlink $d/driver)") $(cat $d/driver_override)"; done
cat /sys/class/net/eth0/device/sriov_numvfs /proc/sys/vm/nr_hugepages
ip -br addr; ip -br link
/usr/sbin/ethtool -c eth0 | grep rx-usecs:
grep -E '^(vfio|khttpd)' /proc/modules | cut -d' ' -f1
for i in /sys/class/net/eth0/device/msi_irqs/*; do cat /proc/irq/${i##*/}/smp_affinity_list; done 2>/dev/null
cat /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor 2>/dev/null
find /run/crossing /var/tmp/crossing/run -type f 2>/dev/null
true`

type bench struct {
	*testing.T
	dir, file string
}

func inNamespace(t *testing.T, dir string) {
	b := &bench{t, dir, filepath.Join(dir, "lab.yaml")}
	b.sh("mount --make-rprivate /; mount -t sysfs sys /sys") // which shows the namespace's ports
	b.sh("ip link set lo up; ip link add br0 type bridge; ip link set br0 up; ip tuntap add tap0 mode tap; ip link set tap0 master br0 up")
	b.cable()
	b.sh("ssh-keygen -q -t ed25519 -N '' -f " + dir + "/key")
	version, err := vm.Version(t.Context())
	must(t, err)
	must(t, os.WriteFile(b.file, fmt.Appendf(nil, testbedFile, dir, version), 0o644))
	end := b.boot()
	defer end()
	before := b.state()

	t.Run("dataset", func(t *testing.T) {
		b := &bench{t, b.dir, b.file}
		out := filepath.Join(dir, "short")
		b.must(b.harness("sweep", "--testbed", b.file, "--out", out, b.plan(1)))
		must(t, dataset.Verify(out))
		d, err := dataset.Open(out)
		must(t, err)
		measured := map[string]bool{}
		for _, r := range d.Runs() {
			if r.Outcome == dataset.Failed { // a busy machine starves one now and then; the sweep tries again
				t.Logf("%s: %s", r.Run, r.Error)
				continue
			}
			measured[r.Tier] = true
			rows, err := d.Requests(&r)
			must(t, err)
			t.Logf("%s %s %s: %d requests, mean %.0f us, null %.0f/s, marks %q %s", r.Run, r.Boundary, r.Outcome, len(rows), r.MeanNs/1e3, r.NullRate, r.Marks, r.Error)
			if r.Outcome != dataset.OK || len(rows) == 0 || int64(len(rows)) < r.Requests || r.Testbed != "sriov" || r.Clock != "real" ||
				!strings.Contains(r.Wire, "veth") || !strings.HasPrefix(r.Emulator, "QEMU ") || !strings.HasPrefix(r.Kernel, "6.1.") || r.ServerBusy == 0 || r.WireBytes == 0 {
				t.Errorf("%+v", r)
			}
		}
		if len(measured) != 3 {
			t.Errorf("only %v were measured", measured)
		}
		b.same(before, b.state())
	})

	t.Run("harness killed", func(t *testing.T) {
		b := &bench{t, b.dir, b.file}
		b.kill(b.midway())
		// The agent has seen the end of its input.
		for range 100 {
			if b.state() == before {
				break
			}
			time.Sleep(200 * time.Millisecond)
		}
		b.same(before, b.state())
	})

	t.Run("agent killed", func(t *testing.T) {
		b := &bench{t, b.dir, b.file}
		cmd := b.midway()
		b.ssh("pkill -9 -f '[h]arness agent'")
		if err := cmd.Wait(); err == nil || !strings.Contains(fmt.Sprint(cmd.Stderr), "is gone") || !strings.Contains(fmt.Sprint(cmd.Stderr), "run the same sweep again") {
			t.Errorf("the sweep whose server's agent died: %v, %s", err, cmd.Stderr)
		}
		if left := b.state(); left == before {
			t.Error("nothing was left to be put back")
		}
		said := b.must(b.harness("doctor", "--undo", "--testbed", b.file))
		if !strings.Contains(said, "server: ") {
			t.Errorf("it does not say what it put back: %s", said)
		}
		b.same(before, b.state())
	})

	t.Run("refused", func(t *testing.T) {
		b := &bench{t, b.dir, b.file}
		text, err := os.ReadFile(b.file)
		must(t, err)
		for _, c := range []struct{ from, to, want string }{
			{"port: eth0", "port: eth1", "eth1 carries this ssh connection"},
			{"port: eth0", "port: eth7", "there is no port eth7"},
			{"port: vc0", "port: vc7", "there is no port vc7"},
			{`"2222"`, `"2223"`, "cannot be reached"},
		} {
			file := filepath.Join(b.dir, "refused.yaml")
			must(t, os.WriteFile(file, []byte(strings.Replace(string(text), c.from, c.to, 1)), 0o644))
			out, err := b.harness("sweep", "--testbed", file, "--out", filepath.Join(b.dir, "refused"), b.plan(1)).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%s: %v, %s; want %q", c.to, err, out, c.want)
			}
		}
		b.same(before, b.state())
	})
}

// cable lays what joins the client's port to the bridge.
func (b *bench) cable() {
	b.Helper()
	b.sh("ip link show vc0 >/dev/null 2>&1 || { ip link add vc0 type veth peer name vb0; ip link set vb0 master br0 up; }")
}

// boot boots the server machine and waits for its sshd.
func (b *bench) boot() (end func()) {
	b.Helper()
	files := []vm.File{
		{Path: "start", Data: []byte(`set -e
mkdir -p -m 700 /root/.ssh; cp /job/key.pub /root/.ssh/authorized_keys
mkdir -p /etc/dropbear
ip link set eth1 up; ip addr add 10.0.2.15/24 dev eth1
ip link set eth0 up; ip link set eth0 down # for its interrupts to be there
LD_LIBRARY_PATH=/job/lib exec /job/dropbear -F -E -R -s -p 22
`)},
		{Path: "key.pub", Source: b.dir + "/key.pub"},
	}
	sshd, err := exec.LookPath("dropbear")
	must(b.T, err)
	files = append(files, vm.File{Path: "dropbear", Source: sshd, Executable: true})
	needs, err := exec.Command("ldd", sshd).Output()
	must(b.T, err)
	for line := range strings.Lines(string(needs)) {
		if _, lib, ok := strings.Cut(line, " => "); ok && !strings.Contains(line, "libc.so") {
			file, _, _ := strings.Cut(lib, " ")
			files = append(files, vm.File{Path: "lib/" + filepath.Base(file), Source: file})
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, err := vm.Run(ctx, vm.Options{
			Argv: []string{"sh", "/job/start"}, Files: files, Clock: vm.RealTime, Timeout: 15 * time.Minute,
			Netdevs: [2]string{"tap,ifname=tap0,script=no,downscript=no", "user,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22"},
		})
		if ctx.Err() == nil {
			b.Errorf("the guest ended: %v", err)
		}
		if b.Failed() && r != nil {
			b.Logf("the guest: %s\n%s", r.Console, r.Output)
		}
	}()
	for try := 0; ; try++ {
		out, err := b.sshCmd("true").CombinedOutput()
		if err == nil {
			break
		}
		if try == 180 || b.Failed() {
			cancel()
			<-done
			b.Fatalf("no ssh to the guest: %v: %s", err, out)
		}
		time.Sleep(time.Second)
	}
	return func() { cancel(); <-done }
}

// midway starts a long sweep and returns when it has measured something.
func (b *bench) midway() *exec.Cmd {
	b.Helper()
	out := filepath.Join(b.dir, "killed")
	must(b.T, os.RemoveAll(out))
	must(b.T, os.RemoveAll(out+".partial"))
	cmd := b.harness("sweep", "--testbed", b.file, "--out", out, b.plan(50))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	must(b.T, cmd.Start())
	for range 1500 {
		time.Sleep(200 * time.Millisecond)
		if found, _ := exec.Command("find", b.dir, "-path", "*killed*", "-name", "*.parquet").Output(); len(found) > 0 {
			return cmd
		}
	}
	_ = cmd.Process.Kill()
	b.Fatalf("the sweep came to nothing: %s", &said)
	return nil
}

func (b *bench) kill(cmd *exec.Cmd) {
	b.Helper()
	must(b.T, cmd.Process.Kill())
	_ = cmd.Wait()
	b.cable() // a pair, unlike a real port, goes with the namespace that it was lent to
}

func (b *bench) state() string {
	b.Helper()
	return b.ssh(state)
}

func (b *bench) same(before, after string) {
	b.Helper()
	if before != after {
		b.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func (b *bench) harness(arg ...string) *exec.Cmd {
	cmd := exec.Command(b.dir+"/bin/harness", arg...)
	cmd.Env = append(os.Environ(), "CROSSING_REPO="+b.dir)
	return cmd
}

func (b *bench) plan(blocks int) string {
	file := filepath.Join(b.dir, "short.yaml")
	must(b.T, os.WriteFile(file, fmt.Appendf(nil, plan, blocks), 0o644))
	return file
}

func (b *bench) sshCmd(line string) *exec.Cmd {
	return exec.Command("ssh", "-p", "2222", "-i", b.dir+"/key", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile="+b.dir+"/known", "-o", "LogLevel=ERROR", "root@127.0.0.1", line)
}

func (b *bench) ssh(line string) string {
	b.Helper()
	return b.must(b.sshCmd(line))
}

func (b *bench) sh(line string) string {
	b.Helper()
	return b.must(exec.Command("sh", "-ec", line))
}

func (b *bench) must(cmd *exec.Cmd) string {
	b.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return string(out)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
