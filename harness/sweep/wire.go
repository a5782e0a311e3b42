// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"context"
	"net/netip"

	"crossing/data/dataset"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/harness/trace"
)

// A Wire joins the client's end, which is always on this machine, with the
// server's, which may be on another.
type Wire interface {
	Client() *testbed.Host
	// Frames makes the client's port ready for a client of frames and returns that
	// client's command, without the load.
	Frames() ([]string, error)
	Shared() bool // the client uses the server's CPUs
	// Null starts a server that does nothing but answer with that many bytes.
	Null(ctx context.Context, bytes int64) (addr netip.AddrPort, stop func(), err error)
	// Start starts a tier and returns when it answers.
	Start(ctx context.Context, t *tier.Tier, traced bool) (Server, error)
	// Receiving reads what the ends have received; zero where frames are not
	// steered.
	Receiving() (Receiving, error)
	Close()
}

// Receiving is that of both ends.
type Receiving struct{ Server, Client testbed.Receiving }

// A Server is a running server of a tier.
type Server interface {
	Addr() netip.AddrPort
	Config() []byte       // see instance.Instance
	Enter(r *dataset.Run) // what is known of its end before the load
	Usage() (Usage, error)
	Trace(first trace.Level) (*trace.Tracer, error)
	Answered() string // its own counters as JSON, where it has any
	Ended() error     // see instance.Instance
	Stop()
}
