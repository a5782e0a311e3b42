// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"crossing/harness/testbed"
	"crossing/harness/tier"
)

// Here makes wires with both ends on this machine.
type Here struct {
	end *End
	tmp string
}

// NewHere makes a folder of its own, which Close removes.
func NewHere(bin, repo string) (*Here, error) {
	removeStale(os.TempDir())
	tmp, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", prefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	h := &Here{tmp: tmp}
	if err := os.Chmod(tmp, 0o755); err != nil { // servers run as nobody
		return nil, err
	}
	if h.end, err = NewEnd(tmp, bin, repo); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// prefix of the folders' names, before the process's number.
const prefix = "crossing-"

// removeStale removes the folders of processes that were killed.
func removeStale(tmp string) {
	folders, _ := filepath.Glob(filepath.Join(tmp, prefix+"*-*")) // the pattern is right
	for _, dir := range folders {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		n, err := strconv.Atoi(pid)
		if err == nil && n > 0 && unix.Kill(n, 0) == unix.ESRCH {
			_ = os.RemoveAll(dir)
		}
	}
}

// Close removes the folder.
func (h *Here) Close() { _ = os.RemoveAll(h.tmp) }

// On returns what makes a tier's wire: a fresh testbed.
func (h *Here) On(bed func() (*testbed.Testbed, error)) func(*tier.Tier, TierChoice) (Wire, error) {
	return func(t *tier.Tier, c TierChoice) (Wire, error) {
		b, err := bed()
		if err != nil {
			return nil, err
		}
		if t.Boundary == "bypass" || c.Client == Frames {
			err = b.Plain()
		}
		if c.Steering != "" && err == nil {
			err = b.Steer(c.Steering)
		}
		if err != nil {
			b.Close()
			return nil, err
		}
		return &both{h.end, b}, nil
	}
}

// both is a wire with both ends here.
type both struct {
	end *End
	bed *testbed.Testbed
}

func (b *both) Client() *testbed.Host { return b.bed.Client }
func (b *both) Shared() bool          { return b.bed.Client.CPUs[0] == b.bed.Server.CPUs[0] }
func (b *both) Close()                { b.bed.Close() }

func (b *both) Null(ctx context.Context, bytes int64) (netip.AddrPort, func(), error) {
	n, err := Null(ctx, b.bed, bytes)
	if err != nil {
		return netip.AddrPort{}, nil, err
	}
	return n.Addr, func() { n.Close() }, nil
}

func (b *both) Start(ctx context.Context, t *tier.Tier, traced bool) (Server, error) {
	s, err := b.end.Start(ctx, t, b.bed, traced)
	if err != nil {
		return nil, err
	}
	if b.threads() {
		if err := b.bed.Server.ThreadNAPI(); err != nil {
			s.Stop()
			return nil, err
		}
	}
	return s, nil
}

// threads reports whether the NAPI of a port with an XDP socket must be moved.
func (b *both) threads() bool { return b.bed.Steering == testbed.ByOwner && !b.Shared() }

func (b *both) Frames() ([]string, error) {
	program := filepath.Join(b.end.Bin, "dpdkload")
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("client %s: %w: it is built where DPDK is (./setup.sh, make build)", Frames, err)
	}
	if b.threads() {
		// The program attaches its own XDP program, too late for us.
		if err := b.bed.Client.StartNAPI(); err != nil {
			return nil, err
		}
	}
	return []string{program, "--port", "af_xdp:" + b.bed.Client.Iface, "--source", testbed.FramesIP.String()}, nil
}

func (b *both) Receiving() (r Receiving, err error) {
	if b.bed.Steering == "" {
		return r, nil // the ports' interrupts decide
	}
	if r.Server, err = b.bed.Server.Receiving(); err != nil {
		return r, err
	}
	r.Client, err = b.bed.Client.Receiving()
	return r, err
}
