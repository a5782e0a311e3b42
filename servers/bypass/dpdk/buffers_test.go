// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
)

// buffers finds in a server's words how many buffers were free at its start
// and at its end, and how many there are.
func buffers(t *testing.T, said string) (free [2]int, all int) {
	t.Helper()
	found := regexp.MustCompile(`(\d+) of (\d+) buffers free`).FindAllStringSubmatch(said, -1)
	if len(found) != 2 {
		t.Fatalf("it told of its buffers %d times, not twice: %s", len(found), said)
	}
	for i, m := range found {
		free[i], _ = strconv.Atoi(m[1])
		all, _ = strconv.Atoi(m[2])
	}
	return free, all
}

// TestBuffers counts the buffers before and after some thousand requests (after
// a million with DPDK_LONG=1): on every kind of port none may be missing. What
// lies in the fill ring of an XDP socket lies there from the start.
func TestBuffers(t *testing.T) {
	requests := 20_000
	if os.Getenv("DPDK_LONG") != "" {
		requests = 1_000_000
	}
	load := filepath.Join(t.TempDir(), "dpdkload")
	if out, err := exec.Command("go", "build", "-tags", "dpdk", "-o", load, "../dpdkload").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b := newBed(t, direct)
	socket := filepath.Join(t.TempDir(), "memif")
	for _, c := range []struct{ kind, server, client string }{
		{"af_packet", "af_packet:ts0", "af_packet:tc0"},
		{"af_xdp", "af_xdp:ts0", "af_xdp:tc0"},
		{"memif", "memif-server:" + socket, "memif-client:" + socket},
	} {
		t.Run(c.kind, func(t *testing.T) {
			b.t = t
			s := b.serve(c.server)
			cmd := b.in(b.client, "", load, "--port", c.client, "--source", "10.77.0.4", "--target", addr, "--connections", "64",
				"--warmup", "10ms", "--duration", "5m", "--requests", strconv.Itoa(requests))
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("dpdkload: %v: %s", err, out)
			}
			var r struct {
				Answers int
				NotOK   int `json:"not_ok"`
			}
			if err := json.Unmarshal(out, &r); err != nil {
				t.Fatal(err)
			}
			if r.Answers < requests || r.NotOK != 0 {
				t.Errorf("%d good answers of %d", r.Answers-r.NotOK, requests)
			}
			last := s.stop(syscall.SIGTERM)
			free, all := buffers(t, last)
			t.Logf("%d requests; %d of %d buffers free before, %d after", r.Answers, free[0], all, free[1])
			if free[0] != free[1] {
				t.Errorf("%d buffers are missing; %s", free[0]-free[1], last)
			}
		})
	}
}
