// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"crossing/harness/vm"
)

// inGuest tells this test binary that it runs in a guest.
const inGuest = "DPDK_IN_GUEST"

// TestNetem fetches files over wires that the kernel's network emulator
// (tc-netem(8)) makes bad in both directions, and compares what came by its
// hash. It boots a guest for it: not every kernel has the emulator, and in
// virtual time a wire that is slow costs no waiting.
func TestNetem(t *testing.T) {
	if os.Getenv(inGuest) != "" {
		netem(t)
		return
	}
	if missing := vm.Missing(t.Context()); len(missing) > 0 {
		t.Skip("no virtual machine can be had here:\n" + strings.Join(missing, "\n"))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, err := vm.Run(t.Context(), vm.Options{
		Argv:  []string{"/job/self", "-test.v", "-test.run=^TestNetem$", "-test.timeout=0"},
		Env:   []string{inGuest + "=1", "DPDK_LONG=" + os.Getenv("DPDK_LONG")},
		Files: []vm.File{{Path: "self", Source: self, Executable: true}},
		Seed:  1, Timeout: 20 * time.Minute, Output: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.ExitCode != 0 {
		t.Errorf("in the guest it ended with exit code %d", r.ExitCode)
	}
}

// bridged joins the namespaces by a bridge between them, whose ports bs, to the
// server, and bc, to the client, delay and drop what they send.
func bridged(b *bed) []string {
	return []string{
		fmt.Sprintf("ip link add bs type veth peer name ts0 netns %d", b.server),
		fmt.Sprintf("ip link add bc type veth peer name tc0 netns %d", b.client),
		"ip link add br0 type bridge",
		"ip link set bs master br0", "ip link set bc master br0",
		"ip link set bs up", "ip link set bc up", "ip link set br0 up",
	}
}

func netem(t *testing.T) {
	b := newBed(t, bridged)
	s := b.serve("af_packet:ts0")
	large := "/8M"
	if os.Getenv("DPDK_LONG") != "" {
		large = "/64M"
		if err := os.WriteFile(b.root+large, make([]byte, 64<<20), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, path, wire string }{
		{"good wire", "/1M", "limit 10000"},
		{"1 % lost", large, "loss 1% limit 10000"},
		{"3 % lost", "/1M", "loss 3%"},
		{"10 % lost", "/1M", "loss 10%"},
		{"a quarter out of order", "/1M", "delay 5ms reorder 75% 50%"},
		{"10 % twice", "/1M", "duplicate 10%"},
		{"5 % damaged", "/1M", "corrupt 5%"},
		{"50 ms away", "/1M", "delay 50ms"},
		{"5 % damaged, 50 ms away", "/1M", "corrupt 5% delay 50ms"},
		{"all of it", "/1M", "delay 20ms 5ms loss 2% duplicate 2% corrupt 2%"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.t = t
			for _, port := range []string{"bs", "bc"} {
				// What a netem is not told anew it keeps.
				_ = exec.Command("tc", "qdisc", "del", "dev", port, "root").Run() // there is none at first
				argv := append([]string{"qdisc", "add", "dev", port, "root", "netem"}, strings.Fields(c.wire)...)
				if out, err := exec.Command("tc", argv...).CombinedOutput(); err != nil {
					t.Fatalf("tc %v: %v: %s", argv, err, out)
				}
			}
			want, err := os.ReadFile(filepath.Join(b.root, c.path))
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if got := b.ask("hash", c.path); got != fmt.Sprintf("%x", sha256.Sum256(want)) {
				t.Errorf("%s: hash %q", c.path, got)
			}
			t.Logf("%s in %v", c.path, time.Since(start).Round(time.Millisecond))
		})
	}
	b.t = t
	last := s.stop(syscall.SIGTERM)
	if free, all := buffers(t, last); free[0] != free[1] {
		t.Errorf("buffers free at the start and the end: %v of %d", free, all)
	}
}
