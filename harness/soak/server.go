// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"crossing/harness/instance"
	"crossing/harness/testbed"
	"crossing/harness/tier"
)

// A server is one tier under load, on a testbed of its own.
type server struct {
	tier        *tier.Tier
	connections int
	bed         *testbed.Testbed
	in          *instance.Instance // nil: it did not start
	log         string
	tally       *tally
	samples     []Sample
	problems    []string
}

// errWire says that this machine cannot make a bad wire.
var errWire = errors.New("no bad wire")

func (s *server) start(ctx context.Context, netem string, p instance.Places) (err error) {
	if s.bed, err = testbed.BadWire(netem); err != nil {
		return fmt.Errorf("%w: %w", errWire, err)
	}
	if s.tier.Boundary == "bypass" {
		if err := s.bed.Plain(); err != nil {
			return fmt.Errorf("%w: %w", errWire, err)
		}
	}
	s.log = filepath.Join(p.State, "log")
	patient := *s.tier
	patient.Ready.Within *= 10 // the guest may be slow
	s.in, err = instance.Start(ctx, &patient, s.bed, p)
	return err
}

func (s *server) signal(what syscall.Signal) {
	if s.in != nil {
		_ = syscall.Kill(s.in.PID(), what) // or it has ended: its outcome tells
	}
}

func (s *server) sample() {
	if s.in == nil {
		return
	}
	if rss, files, err := s.in.Holdings(); err == nil {
		s.samples = append(s.samples, Sample{rss, files})
	}
}

// sums are the answers, right and wrong.
func (t *tally) sums() (right, bad int64) {
	t.Lock()
	defer t.Unlock()
	for _, n := range t.wrong {
		bad += n
	}
	return t.right, bad
}

// outcome ends the server and judges it. The load has ended before.
func (s *server) outcome(soaked time.Duration) *Outcome {
	o := &Outcome{
		Tier: s.tier.Name, Right: s.tally.right, Left: s.tally.left, Again: s.tally.again, Connections: s.tally.conns,
		Wrong: s.tally.wrong, Examples: s.tally.sample, Problems: s.problems,
	}
	fail := func(format string, a ...any) { o.Problems = append(o.Problems, fmt.Sprintf(format, a...)) }
	if s.in == nil {
		return o
	}
	if !s.in.Running() {
		fail("it ended under the load, %s", s.in.Tail())
	}
	if o.Right == 0 {
		fail("not one right answer")
	}
	for kind, n := range o.Wrong {
		fail("%d × %s (%s)", n, kind, o.Examples[kind])
	}
	slices.Sort(o.Problems)
	if len(s.samples) > 0 {
		o.Early, o.Late = ends(s.samples)
		if soaked >= judgedFrom {
			o.Problems = append(o.Problems, grew(s.samples, s.connections)...)
		}
	}
	if slices.Contains(s.tier.Needs.Programs, "khttpd.ko") {
		o.Slab = &[2]int{slab(moduleCache), drained()}
		if o.Slab[1] != 0 {
			fail("%d connections are left in the kernel's memory", o.Slab[1])
		}
	}
	s.in.Stop()
	if log, err := os.ReadFile(s.log); err == nil {
		if o.Buffers = readBuffers(string(log)); o.Buffers != nil && o.Buffers.Start != o.Buffers.End {
			fail("%d packet buffers were free at its start and %d at its end", o.Buffers.Start, o.Buffers.End)
		}
	}
	return o
}

// drained waits until the module has released all connections whose clients
// are gone, which takes the time of some lost frames, and counts those left.
func drained() int {
	for range 60 {
		if slab(moduleCache) == 0 {
			return 0
		}
		time.Sleep(time.Second)
	}
	return slab(moduleCache)
}

func (s *server) end() {
	if s.in != nil {
		s.in.Stop()
	}
	if s.bed != nil {
		s.bed.Close()
	}
}
