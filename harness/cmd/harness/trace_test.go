// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/harness/trace"
)

// tracedRun sweeps a traced and an untraced cell of one tier and returns the
// traced one's row, its number of stages, and what was printed.
func tracedRun(t *testing.T, tier string, arg ...string) (r dataset.Run, stages int, printed string) {
	t.Helper()
	dir := folder(t)
	file := filepath.Join(dir, "traced.yaml")
	text := fmt.Sprintf("name: traced\ntiers: [%s]\nconnections: [4]\nfiles: [\"100\"]\nblocks: 1\nwarmup: 0s\nduration: 500ms\ntrace: true\n", tier)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := harness(append([]string{"sweep", "--out", filepath.Join(dir, "d"), file}, arg...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d, err := dataset.Open(filepath.Join(dir, "d"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range d.Runs() {
		if r.Outcome == dataset.Failed { // one that a busy machine starves is rejected, and will do
			continue
		}
		rows, err := d.Stages(&r)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Traced {
			if r.Trace != "" || r.Unjoined != 0 || len(rows) != 0 {
				t.Errorf("an untraced run has stages: %+v", r)
			}
			continue
		}
		return r, len(rows), string(out)
	}
	t.Fatalf("no traced run:\n%s", out)
	return r, 0, ""
}

// TestTraceLevels has a sweep trace at each level in turn.
func TestTraceLevels(t *testing.T) {
	needsTestbed(t)
	for _, level := range trace.Levels {
		t.Run(string(level), func(t *testing.T) {
			r, stages, printed := tracedRun(t, "gohttp", "--trace", string(level))
			if r.Trace != string(level) {
				if strings.Contains(printed, "no "+string(level)+": ") {
					t.Skipf("this machine cannot:\n%s", printed)
				}
				t.Fatalf("traced by %q", r.Trace)
			}
			if !strings.Contains(printed, "stage tracer: "+r.Trace) || !strings.Contains(printed, "stages by "+r.Trace+": 1 runs") {
				t.Errorf("not told:\n%s", printed)
			}
			if int64(stages) != r.Stages {
				t.Errorf("%d stages in the table, %d in the row", stages, r.Stages)
			}
			switch level {
			case trace.Tracepoints, trace.Sockops:
				if r.Stages == 0 || r.Unjoined > r.Stages/10 {
					t.Errorf("%d joined, %d not", r.Stages, r.Unjoined)
				}
			default:
				if r.Stages != 0 || r.Unjoined < r.Requests {
					t.Errorf("%d joined, %d not, of %d", r.Stages, r.Unjoined, r.Requests)
				}
			}
		})
	}
	out, err := harness("sweep", "--trace", "kprobes", "kick").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "tracepoints sockops stamps wall") {
		t.Errorf("an unknown level: %v\n%s", err, out)
	}
}

// TestServersOwnStages has a server of one's own that writes its stages.
func TestServersOwnStages(t *testing.T) {
	needsTestbed(t)
	dir := filepath.Join(filepath.Dir(programs), "servers", "user", "own")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	const tier = `name: own
boundary: user
title: writes its own stages, of no request
testbeds: [netns]
needs: {programs: [gohttp]}
start: [sh, -c, 'trap "kill $!; echo port,offset,ready_ns >$STAGES; echo 1,0,1 >>$STAGES; exit" TERM; {{.Bin}}/gohttp --listen {{.Addr}} --root {{.Root}} & wait']
stages: server
`
	if err := os.WriteFile(filepath.Join(dir, "own.tier.yaml"), []byte(tier), 0o644); err != nil {
		t.Fatal(err)
	}
	r, stages, printed := tracedRun(t, "own")
	if r.Trace != string(trace.Server) || stages != 0 || r.Outside != 1 || r.Unjoined < r.Requests {
		t.Errorf("%+v\n%s", r, printed)
	}
}
