// SPDX-License-Identifier: Apache-2.0

package sriov

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"time"

	"crossing/data/dataset"
	"crossing/harness/doctor"
	"crossing/harness/guest"
	"crossing/harness/instance"
	"crossing/harness/machine"
	"crossing/harness/sweep"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/harness/trace"
	"crossing/harness/vm"
)

// A Bed is a testbed whose machines are prepared.
type Bed struct {
	File           *File
	server, client *link
	host           *testbed.Host // the client's end
	serverCPUs     []int
	lost           context.CancelCauseFunc
}

// A Project is where the harness has what it sends to the server machine.
type Project struct{ Repo, Bin string }

// agent connects to the agent of the server's machine, with the tiers sent
// there.
func (p Project) agent(ctx context.Context, s *Server, tiers []*tier.Tier, lost context.CancelCauseFunc) (*link, error) {
	if s.Module == "" {
		for _, t := range tiers {
			if slices.Contains(t.Needs.Programs, guest.Module) {
				return nil, fmt.Errorf("tier %s needs the kernel module, built for the server's kernel: copy kmod/ to the server, run make there, and name the %s that it makes as server.module; or leave the tier out (--tiers)", t.Name, guest.Module)
			}
		}
	}
	program, err := guest.Harness("", p.Bin)
	if err != nil {
		return nil, err
	}
	files, err := guest.Tiers("", p.Repo, p.Bin, s.Module, tiers)
	if err != nil {
		return nil, err
	}
	sh := shell{s.SSH, s.Options}
	agent, err := sh.send(ctx, s.Folder, []vm.File{program})
	if err != nil {
		return nil, err
	}
	repo, err := sh.send(ctx, s.Folder, files)
	if err != nil {
		return nil, err
	}
	return connect(ctx, sh, fmt.Sprintf("CROSSING_REPO=%s exec %s agent", quote(repo), quote(agent+"/harness")), lost)
}

// here connects to an agent for this machine.
func here(ctx context.Context, lost context.CancelCauseFunc) (*link, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return connect(ctx, shell{}, "exec "+quote(exe)+" agent", lost)
}

// Open prepares both machines for the tiers. What it does is said, line by
// line. With an error nothing stays changed. The context returned ends with ctx,
// and when an agent is gone.
func Open(ctx context.Context, f *File, p Project, tiers []*tier.Tier, say func(string)) (b *Bed, _ context.Context, err error) {
	ctx, lost := context.WithCancelCause(ctx)
	b = &Bed{File: f, lost: lost}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
			b = nil
		}
	}()
	if b.server, err = p.agent(ctx, &f.Server, tiers, lost); err != nil {
		return b, ctx, err
	}
	if b.client, err = here(ctx, lost); err != nil {
		return b, ctx, err
	}
	// The client's port first: the server's has no link before.
	if err = b.complete(ctx, tiers); err == nil {
		err = b.lend(ctx, say)
	}
	if err == nil {
		err = b.prepare(ctx, tiers, say)
	}
	return b, ctx, err
}

// complete wants everything on the server's machine that the tiers need.
func (b *Bed) complete(ctx context.Context, tiers []*tier.Tier) error {
	names := make([]string, len(tiers))
	for i, t := range tiers {
		names[i] = t.Name
	}
	var lacks map[string]string
	err := b.server.call(ctx, "Missing", names, &lacks)
	for _, name := range slices.Sorted(maps.Keys(lacks)) {
		err = errors.Join(err, fmt.Errorf("%s: tier %s: %s", b.server.where, name, lacks[name]))
	}
	return err
}

// lend moves the client's port to a namespace of its own.
func (b *Bed) lend(ctx context.Context, say func(string)) (err error) {
	port := &b.File.Client
	var lines []string
	if err := b.client.call(ctx, "Client", Port{Name: port.Port}, &lines); err != nil {
		return err
	}
	if b.host, _, err = testbed.End("client", port.Port, port.CPUs); err != nil {
		return err
	}
	var pins []string
	err = b.client.call(ctx, "Pin", b.host.CPUs[0], &pins)
	for _, line := range append(lines, pins...) {
		say("client: " + line)
	}
	return err
}

// prepare makes the server's machine ready for the tiers.
func (b *Bed) prepare(ctx context.Context, tiers []*tier.Tier, say func(string)) error {
	port := Port{Name: b.File.Server.Port, CPUs: b.File.Server.CPUs}
	for _, t := range tiers {
		port.Bypass = port.Bypass || t.Boundary == "bypass"
		port.Module = port.Module || slices.Contains(t.Needs.Programs, guest.Module)
	}
	var done Prepared
	if err := b.server.call(ctx, "Server", port, &done); err != nil {
		return err
	}
	for _, line := range done.Said {
		say("server: " + line)
	}
	b.serverCPUs = done.CPUs
	return nil
}

// Close puts both machines back.
func (b *Bed) Close() error {
	err := b.server.close()
	b.host.Close()
	defer b.lost(nil)
	return errors.Join(err, b.client.close())
}

// Machine describes both machines.
func (b *Bed) Machine() (any, error) {
	client, err := machine.Describe()
	if err != nil {
		return nil, err
	}
	var server machine.Description
	if err := b.server.call(context.Background(), "Describe", 0, &server); err != nil {
		return nil, err
	}
	return map[string]any{"server": server, "client": client, "wire": b.File.Wire, "emulator": b.File.Emulator}, nil
}

// Examine asks the doctor about the server's machine, and says what keeps this
// one from being the client.
func Examine(ctx context.Context, f *File, p Project) (server []doctor.Finding, client error, err error) {
	l, err := p.agent(ctx, &f.Server, nil, func(error) {})
	if err != nil {
		return nil, nil, err
	}
	err = l.call(ctx, "Findings", f.Server.Port, &server)
	_, client = doctor.Here().ClientSteps(f.Client.Port)
	return server, client, errors.Join(err, l.close())
}

// Undo puts back what agents that were killed have left on the server's machine.
func Undo(ctx context.Context, f *File, p Project) (lines []string, err error) {
	l, err := p.agent(ctx, &f.Server, nil, func(error) {})
	if err != nil {
		return nil, err
	}
	err = l.call(ctx, "Undo", 0, &lines)
	return lines, errors.Join(err, l.close())
}

// Wire is a wire for one server. It implements what sweep.Local asks for.
func (b *Bed) Wire(*tier.Tier, sweep.TierChoice) (sweep.Wire, error) { return wire{b}, nil }

type wire struct{ *Bed }

func (w wire) Client() *testbed.Host { return w.host }

func (w wire) Shared() bool {
	return w.File.Server.SSH == "" && slices.Contains(w.serverCPUs, w.host.CPUs[0])
}

// Frames is not for this testbed: a plan's check says so first.
func (w wire) Frames() ([]string, error) {
	return nil, fmt.Errorf("client %s: not on testbed sriov", sweep.Frames)
}

// Receiving is not read: each port's interrupts come in at its own end.
func (w wire) Receiving() (sweep.Receiving, error) { return sweep.Receiving{}, nil }

// Close leaves the ends as they are: the next server's is set up again anyway.
func (w wire) Close() {}

// stop ends what serves.
func (w wire) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_ = w.server.call(ctx, "Stop", 0, new(int))
}

func (w wire) Null(ctx context.Context, bytes int64) (addr netip.AddrPort, _ func(), err error) {
	if err := w.server.call(ctx, "Null", bytes, &addr); err != nil {
		return addr, nil, err
	}
	// The link comes up some time after its port.
	for deadline := time.Now().Add(20 * time.Second); ; {
		c, err := w.host.Dial(addr, time.Second)
		if err == nil {
			c.Close()
			return addr, w.stop, nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			w.stop()
			return addr, nil, fmt.Errorf("nothing comes through from %s to %s: %w; are these two ports on one cable?", w.File.Client.Port, w.File.Server.Port, err)
		}
	}
}

func (w wire) Start(ctx context.Context, t *tier.Tier, _ bool) (sweep.Server, error) {
	s := &remote{wire: w}
	if err := w.server.call(ctx, "Start", Start{t.Name, t.Options, w.host.MAC}, &s.started); err != nil {
		return nil, err
	}
	if err := instance.Ready(ctx, t, s.started.Addr, w.host.Dial, s.Ended); err != nil {
		var log Log
		if w.server.call(ctx, "Log", 0, &log) == nil && log.Ended == "" {
			err = fmt.Errorf("%w\n%s", err, log.Tail)
		}
		w.stop()
		return nil, err
	}
	return s, nil
}

// remote is a server that the agent has started.
type remote struct {
	wire
	started Started
}

func (r *remote) Addr() netip.AddrPort { return r.started.Addr }
func (r *remote) Config() []byte       { return r.started.Config }
func (r *remote) Stop()                { r.stop() }

func (r *remote) Enter(row *dataset.Run) {
	from := &r.started.Row
	row.Testbed, row.Congestion, row.Kernel, row.Load1, row.FreqMHz = from.Testbed, from.Congestion, from.Kernel, from.Load1, from.FreqMHz
	row.Wire, row.Emulator = r.File.Wire, r.File.Emulator
}

func (r *remote) Usage() (u sweep.Usage, err error) {
	err = r.server.call(context.Background(), "Usage", 0, &u)
	return u, err
}

func (r *remote) Ended() error {
	var log Log
	if err := r.server.call(context.Background(), "Log", 0, &log); err != nil {
		return err
	}
	if log.Ended != "" {
		return errors.New(log.Ended)
	}
	return nil
}

func (r *remote) Answered() (text string) {
	_ = r.server.call(context.Background(), "Answered", 0, &text)
	return text
}

func (r *remote) Trace(trace.Level) (*trace.Tracer, error) { return nil, errNoStages }

// errNoStages: stages are joined by times, and each machine has its own.
var errNoStages = errors.New("the testbed sriov takes no stages of requests: two machines have no clock in common; trace on netns or vm")
