// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crossing/data/dataset"
	"crossing/harness/sweep"
	"crossing/harness/testbed"
	"crossing/harness/tier"
)

// askew is a wire whose frames are steered otherwise once the server runs.
type askew struct {
	sweep.Wire
	bed *testbed.Testbed
}

func (a askew) Start(ctx context.Context, t *tier.Tier, traced bool) (sweep.Server, error) {
	s, err := a.Wire.Start(ctx, t, traced)
	if err != nil {
		return nil, err
	}
	return s, a.bed.Steer(testbed.BySender)
}

// TestSteeringIsChecked runs a cell on a wire that steers as asked, and on one that
// does not: the second must be rejected.
func TestSteeringIsChecked(t *testing.T) {
	needsTestbed(t)
	home := filepath.Dir(programs)
	all, err := tier.All(filepath.Join(home, "servers"))
	if err != nil {
		t.Fatal(err)
	}
	here, err := sweep.NewHere(programs, home)
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	for _, c := range []struct {
		name  string
		askew bool
		want  dataset.Outcome
	}{{"as asked", false, dataset.OK}, {"otherwise", true, dataset.Rejected}} {
		t.Run(c.name, func(t *testing.T) {
			local := &sweep.Local{Tiers: all, Wire: func(tr *tier.Tier, choice sweep.TierChoice) (sweep.Wire, error) {
				var bed *testbed.Testbed
				w, err := here.On(func() (_ *testbed.Testbed, err error) {
					bed, err = testbed.Netns()
					return bed, err
				})(tr, choice)
				if c.askew && err == nil {
					w = askew{w, bed}
				}
				return w, err
			}}
			o, err := local.Run(t.Context(), sweep.Cell{
				Choice: sweep.TierChoice{Tier: "gohttp", As: "gohttp", Steering: testbed.ByOwner}, File: "100", Connections: 4, Workers: 1,
				WarmUp: 50 * time.Millisecond, Duration: 300 * time.Millisecond, Clock: "real",
			})
			if err != nil {
				t.Fatal(err)
			}
			r := &o.Run
			if r.Steering == "" {
				t.Skip("client and server share the only CPU")
			}
			said := strings.Contains(r.Error, "steering: none of the")
			if said != c.askew || c.askew && r.Outcome != c.want {
				t.Errorf("outcome %s (%s), want %s", r.Outcome, r.Error, c.want)
			}
			if !c.askew && (r.ServerFrames == 0 || r.ServerOwn < r.ServerFrames || r.ClientOwn < r.ClientFrames) {
				t.Errorf("server's CPU handled %d of %d frames, client's %d of %d", r.ServerOwn, r.ServerFrames, r.ClientOwn, r.ClientFrames)
			}
		})
	}
}

// TestFramesClient loads a server on the kernel's sockets, and the bypass tier, by a
// client without a kernel: rows, counters and CPU time are there as with the other.
func TestFramesClient(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("DPDK needs root")
	}
	if err := exec.Command("pkg-config", "--exists", "libdpdk").Run(); err != nil {
		t.Skip("libdpdk is not here; ./setup.sh installs it")
	}
	needsTestbed(t)
	buildBypass(t, programs)
	all, err := tier.All("../../../servers/user/gohttp", "../../../servers/bypass/dpdk")
	if err != nil {
		t.Fatal(err)
	}
	here, err := sweep.NewHere(programs, filepath.Dir(programs))
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	local := &sweep.Local{Tiers: all, Wire: here.On(testbed.Netns)}
	for _, name := range []string{"gohttp", "dpdk"} {
		o, err := local.Run(t.Context(), sweep.Cell{
			Choice: sweep.TierChoice{Tier: name, As: name, Steering: testbed.ByOwner, Client: sweep.Frames}, File: "100", Connections: 4, Workers: 1,
			WarmUp: 50 * time.Millisecond, Duration: 300 * time.Millisecond, Clock: "real",
		})
		if err != nil {
			t.Fatal(err)
		}
		r := &o.Run
		if strings.Contains(r.Error, "steering") || r.Client != "frames" || r.Opened != 4 || r.Requests == 0 || r.Failures != 0 || r.ServerCPU <= 0 || r.NullRate <= 0 {
			t.Errorf("%s: %+v", name, r)
		}
		if int64(len(o.Requests)) < r.Requests || r.ServerFrames < r.Requests || r.ClientFrames < r.Requests {
			t.Errorf("%s: %d rows, %d and %d frames for %d requests", name, len(o.Requests), r.ServerFrames, r.ClientFrames, r.Requests)
		}
		if r.Steering != "" && r.ClientOwn > r.ClientFrames/2 {
			t.Errorf("%s: the kernel's stack handled %d of the client's %d frames", name, r.ClientOwn, r.ClientFrames)
		}
	}
}
