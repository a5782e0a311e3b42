// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Level is what takes the server's times. Its text is what a dataset's
// column trace holds.
type Level string

// The levels from the best down. Start takes the first that the machine has.
const (
	Tracepoints Level = "tracepoints" // every point that the kernel has a tracepoint for
	Sockops     Level = "sockops"     // send and transmission, from the socket (Linux 6.14)
	Stamps      Level = "stamps"      // nothing of the server; the client's receive stamps (SO_TIMESTAMPING)
	Wall        Level = "wall"        // nothing but the client's own clock
)

// Levels that the server's kernel is not asked for.
const (
	Module Level = "module" // tracepoints, and those of the kernel module khttpd beside them
	Server Level = "server" // the server's own stamps, which it writes to a file
)

// Levels are those that Start tries, in this order.
var Levels = []Level{Tracepoints, Sockops, Stamps, Wall}

// ErrLevel says that a level is none of Levels.
var ErrLevel = errors.New("unknown level of the stage tracer")

// starters take the times at each level. The last cannot fail.
var starters = map[Level]func(*Tracer, uint16, uint32) error{
	Tracepoints: tracepoints,
	Sockops:     sockops,
	Stamps:      func(*Tracer, uint16, uint32) error { return clientStamps() },
	Wall:        func(*Tracer, uint16, uint32) error { return nil },
}

// Start begins to take the times of the server that listens on port in the
// network namespace with the given inode (that of /proc/PID/ns/net), at the
// best level that this machine has, from first down. Tracer.Level and
// Tracer.Why tell which that is and why it is no better one.
func Start(first Level, port uint16, namespace uint32) (*Tracer, error) {
	at := slices.Index(Levels, first)
	if at < 0 {
		return nil, fmt.Errorf("%w: %q; one of %v", ErrLevel, first, Levels)
	}
	t := &Tracer{}
	for _, level := range Levels[at:] {
		err := starters[level](t, port, namespace)
		if err == nil {
			if t.Level == "" {
				t.Level = level
			}
			break
		}
		t.Why = append(t.Why, fmt.Errorf("no %s: %w", level, err))
	}
	return t, nil
}

// clientStamps reports whether sockets of this kernel give receive stamps.
func clientStamps() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, unix.SOF_TIMESTAMPING_RX_SOFTWARE|unix.SOF_TIMESTAMPING_SOFTWARE)
}

// String tells the level, what it lacks and why it is no better one.
func (t *Tracer) String() string {
	s := "stage tracer: " + string(t.Level)
	if len(t.Missing) > 0 {
		s += ", without " + strings.Join(t.Missing, ", ")
	}
	for _, err := range t.Why {
		s += "; " + err.Error()
	}
	return s
}
