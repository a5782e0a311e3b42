// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

// TestQueues runs a stack on each of two cores, with a queue pair for each; the
// kernel spreads connections over them (PACKET_FANOUT). net_af_xdp of DPDK
// 22.11 takes one queue of a veth only. Every connection must be answered whole,
// and each stack must have had its part. Under -race the server is watched, too.
func TestQueues(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("two queues want two CPUs")
	}
	b := newBed(t, direct)
	s := b.serve("af_packet:ts0", "--cores", "2")
	for _, c := range []struct {
		conns int
		path  string
	}{{200, "/100"}, {16, "/1M"}, {2, "/8M"}} {
		want, err := os.ReadFile(filepath.Join(b.root, c.path))
		if err != nil {
			t.Fatal(err)
		}
		if got := b.ask("each", strconv.Itoa(c.conns), c.path); got != fmt.Sprintf("%x", sha256.Sum256(want)) {
			t.Errorf("%d connections fetched %s: hashes %s", c.conns, c.path, got)
		}
	}
	b.ask("many", "500")
	last := s.stop(syscall.SIGTERM)
	t.Log(last)
	served := regexp.MustCompile(`(?m)^dpdk: (\d+) requests`).FindAllStringSubmatch(last, -1)
	if len(served) != 2 {
		t.Fatalf("%d stacks tell of their end, not 2", len(served))
	}
	total := 0
	for i, m := range served {
		n, _ := strconv.Atoi(m[1])
		if total += n; n == 0 {
			t.Errorf("stack %d answered nothing", i)
		}
	}
	if want := 200 + 16 + 2 + 2*500; total != want {
		t.Errorf("%d requests answered, not %d", total, want)
	}
	if free, all := buffers(t, last); free[0] != free[1] {
		t.Errorf("buffers free at the start and the end: %v of %d", free, all)
	}
}
