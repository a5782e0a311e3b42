// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/procfs"

	"crossing/data/dataset"
	"crossing/harness/instance"
	"crossing/harness/load"
	"crossing/harness/machine"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/harness/trace"
	"crossing/servers/site"
)

// An End is what a machine needs to be the server's end of wires.
type End struct {
	Bin  string // the project's programs
	Repo string // the project

	root, state string
}

// NewEnd makes the site that servers give out, in a folder that is there, and
// that others may read.
func NewEnd(dir, bin, repo string) (*End, error) {
	root, err := site.Generate(dir)
	return &End{Bin: bin, Repo: repo, root: root, state: filepath.Join(dir, "state")}, err
}

// Null starts a null server on the bed.
func Null(ctx context.Context, bed *testbed.Testbed, bytes int64) (*load.NullServer, error) {
	return load.StartNull(ctx, bed.Addr("user"), bed.Server.CPUs[0], int(bytes), false, bed.Server.Command)
}

// Start starts a tier on the bed and returns when it answers.
func (e *End) Start(ctx context.Context, t *tier.Tier, bed *testbed.Testbed, traced bool) (*Served, error) {
	if err := os.RemoveAll(e.state); err != nil {
		return nil, err
	}
	in, err := instance.Start(ctx, t, bed, e.places(traced))
	return &Served{in, bed, e.state}, err
}

// Launch starts a tier on the bed and does not wait: its client is elsewhere.
func (e *End) Launch(t *tier.Tier, bed *testbed.Testbed) (*Served, error) {
	if err := os.RemoveAll(e.state); err != nil {
		return nil, err
	}
	in, err := instance.Launch(t, bed, e.places(false))
	return &Served{in, bed, e.state}, err
}

func (e *End) places(traced bool) instance.Places {
	return instance.Places{Root: e.root, State: e.state, Bin: e.Bin, Repo: e.Repo, Stages: traced}
}

// Served is a server on this machine. It implements Server.
type Served struct {
	*instance.Instance
	bed   *testbed.Testbed
	state string
}

// Addr is where it listens.
func (s *Served) Addr() netip.AddrPort { return s.Instance.Addr }

// Config is what was rendered for it.
func (s *Served) Config() []byte { return s.Instance.Config }

// Enter fills in what is known before the load.
func (s *Served) Enter(r *dataset.Run) {
	r.Testbed, r.Wire, r.Congestion = s.bed.Name, s.bed.Wire, s.bed.CongestionControl
	r.Kernel = machine.Kernel()
	if fs, err := procfs.NewDefaultFS(); err == nil {
		if avg, err := fs.LoadAvg(); err == nil {
			r.Load1 = avg.Load1
		}
		if info, err := fs.CPUInfo(); err == nil && len(info) > s.bed.Server.CPUs[0] {
			r.FreqMHz = info[s.bed.Server.CPUs[0]].CPUMHz
		}
	}
}

// Usage reads what the server and its end have used.
func (s *Served) Usage() (u Usage, err error) {
	u.Before = monotonic()
	if u.ServerCPU, err = s.CPUTime(); err != nil {
		return u, err
	}
	if u.Busy, u.Kernel, u.Steal, err = instance.BusyTime(s.bed.Server.CPUs); err != nil {
		return u, err
	}
	u.After = monotonic()
	u.Retransmits, err = retransmits(s.bed.Server)
	return u, err
}

// Answered is what the server counted.
func (s *Served) Answered() string {
	b, err := os.ReadFile(filepath.Join(s.state, "counters.json"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Trace starts what takes the server's side of each request: the server itself,
// where its tier says so, or the kernel that it runs on.
func (s *Served) Trace(first trace.Level) (*trace.Tracer, error) {
	if s.Stages != "" {
		return trace.Own(s.Stages, s.Stop), nil
	}
	inode, err := s.bed.Server.Inode()
	if err != nil {
		return nil, err
	}
	if first == "" {
		first = trace.Tracepoints
	}
	return trace.Start(first, s.Addr().Port(), inode)
}
