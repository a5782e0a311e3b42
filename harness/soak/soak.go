// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"crossing/harness/instance"
	"crossing/harness/tier"
	"crossing/servers/site"
)

// An Outcome is what became of one server.
type Outcome struct {
	Tier        string
	Right       int64 // answers of which every byte was compared
	Left        int64 // answers that the client left in their middle, by a reset
	Again       int64 // requests sent again, as the server had closed the connection before
	Connections int64 // opened
	Wrong       map[string]int64
	Examples    map[string]string // of each kind of wrong answer, the last
	Early, Late Sample            // the most it held when it had warmed up, and at the end
	Buffers     *Buffers          // of its own; nil: it has none
	Slab        *[2]int           // the module's connections in the kernel's memory at the end of the load, and after; nil: no module
	Problems    []string          // why it failed; none: it passed
}

// moduleCache is the kernel module's cache of connections.
const moduleCache = "khttpd_conn"

// Places are where servers find their programs and files.
type Places struct{ Bin, Repo string }

// Run soaks the tiers side by side, each behind a bad wire of its own, and
// returns what became of each, and the kernel's own memory early and late, in
// bytes. A server that does not start or ends too early fails; an error is for
// what keeps all of them from being soaked.
func Run(ctx context.Context, c Config, tiers []*tier.Tier, p Places) (outcomes []*Outcome, kernel [2]int64, err error) {
	dir, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return nil, kernel, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // servers run as nobody
		return nil, kernel, err
	}
	root, err := site.Generate(dir)
	if err != nil {
		return nil, kernel, err
	}
	var servers []*server
	defer func() {
		for _, s := range servers {
			s.end()
		}
	}()
	for _, t := range tiers {
		s := &server{tier: t, tally: newTally(), connections: c.Connections}
		servers = append(servers, s)
		if err := s.start(ctx, c.Netem, instance.Places{Root: root, State: filepath.Join(dir, t.Name), Bin: p.Bin, Repo: p.Repo}); err != nil {
			if errors.Is(err, errWire) || ctx.Err() != nil {
				return nil, kernel, err
			}
			s.problems = append(s.problems, err.Error())
			c.Say(err.Error())
			continue
		}
		c.Say(t.Name + " answers")
		s.signal(syscall.SIGSTOP) // one that polls would hold up the start of the others
	}
	for _, s := range servers {
		s.signal(syscall.SIGCONT)
	}
	// The clients go before the servers, each of which is a scheduling group of
	// its own, too: those that poll would leave them too little of the machine to
	// load the others. Where that cannot be set it is slower.
	_ = os.WriteFile("/proc/self/autogroup", []byte("-15"), 0)
	kernel = load(ctx, c, servers)
	for _, s := range servers {
		outcomes = append(outcomes, s.outcome(c.Duration))
	}
	return outcomes, kernel, ctx.Err()
}

// samples is how often a soak looks at what the servers hold; each look takes
// some of the machine.
const samples = 40

// load puts the load on all servers at once and samples what they hold.
func load(ctx context.Context, c Config, servers []*server) (kernel [2]int64) {
	ctx, cancel := context.WithTimeout(ctx, c.Duration)
	defer cancel()
	var clients sync.WaitGroup
	for _, s := range servers {
		if s.in == nil {
			continue
		}
		name := fnv.New64()
		_, _ = name.Write([]byte(s.tier.Name)) // never fails
		for i := range c.Connections {
			client := &client{
				dial:     func() (net.Conn, error) { return s.bed.Client.Dial(s.in.Addr, patience) },
				patience: patience,
				tally:    s.tally,
				rng:      rand.New(rand.NewPCG(c.Seed, name.Sum64()+uint64(i))),
			}
			clients.Go(func() { client.run(ctx) })
		}
	}
	start, said := time.Now(), time.Now()
	for tick := time.NewTicker(max(c.Duration/samples, 250*time.Millisecond)); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			clients.Wait()
			kernel[1] = kernelBytes()
			return kernel
		case <-tick.C:
		}
		var right, wrong int64
		for _, s := range servers {
			s.sample()
			r, w := s.tally.sums()
			right, wrong = right+r, wrong+w
		}
		if kernel[0] == 0 && time.Since(start) > c.Duration/4 {
			kernel[0] = kernelBytes()
		}
		if time.Since(said) >= 30*time.Second {
			said = time.Now()
			c.Say(fmt.Sprintf("%v to go: %d answers right, %d wrong", max(c.Duration-time.Since(start), 0).Round(time.Second), right, wrong))
		}
	}
}
