// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// A Mode is how a worker waits for the next event. It decides who pays for the
// wake-up: a client that sleeps makes the server's kernel wake it (10 to 20 %
// more server CPU per request), a client that spins burns a core.
type Mode uint8

const (
	Hybrid Mode = iota // poll for Config.Spin after the last event, then sleep
	Spin               // poll always
	Block              // sleep at once, as wrk does; the only one fit for virtual time
	Tick               // sleep by whole milliseconds, as wrk2 does: a model of its timer
)

var modeNames = []string{"hybrid", "spin", "block", "tick"}

// String returns the name that is stored in datasets.
func (m Mode) String() string { return modeNames[m] }

// ParseMode reads a name that String wrote.
func ParseMode(s string) (Mode, error) {
	for i, n := range modeNames {
		if n == s {
			return Mode(i), nil
		}
	}
	return 0, fmt.Errorf("mode %q: want one of %s", s, strings.Join(modeNames, ", "))
}

// MarshalText and UnmarshalText make a Mode a name in JSON and YAML.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads a name that MarshalText wrote.
func (m *Mode) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMode(string(b))
	return err
}

// A Command makes the command that starts a worker, for instance in another
// network namespace. It must hand down files and standard streams, as exec.Cmd does.
type Command func(ctx context.Context, name string, arg ...string) *exec.Cmd

// A Config says what load to put on which server.
type Config struct {
	Target      netip.AddrPort
	Host        string        // Host field; empty: Target
	Path        string        // request target, already encoded; empty: "/"
	Fields      []string      // further header fields, "Name: value"
	Connections int           // kept-alive connections, each with at most one request outstanding
	Mode        Mode          // how to wait
	Spin        time.Duration // how long Hybrid polls before it sleeps; 0: 50 µs
	Duration    time.Duration // measured part
	WarmUp      time.Duration // before it; its rows are kept and flagged
	Timeout     time.Duration // longest wait for a response; for so long after the end an open loop still sends what is overdue; 0: 2 s
	Schedule    Schedule      // when requests are due; nil: closed loop
	Workers     int           // processes; 0: 1; never more than Connections
	CPUs        []int         // worker i runs on CPUs[i mod len]; empty: anywhere
	BodyLen     int64         // length that each body must have in bytes; -1: any
	Status      int           // status that each response must have; 0: 200
	Seed        uint64        // of the schedule: the only randomness
	Stamps      bool          // ask the kernel for receive time stamps (Request.StampNs)
	Jitter      time.Duration // watch the CPU's gaps for so long before the run; 0: 50 ms; negative: not at all
	MaxRate     int           // requests per second for which a closed loop reserves rows (72 B each), per worker; 0: 250000, or as many as a quarter of the free memory holds
	Start       time.Time     // wall-clock time of the start, for several hosts at once; zero: at once
	Command     Command       // starts a worker; nil: exec.CommandContext

	// AtEdge, if set, is called when the measured part starts (0) and ends (1).
	AtEdge func(edge int)

	// Progress, if set, is called ten times per second with the time since the
	// start of the run (negative before it) and the requests completed so far.
	Progress func(elapsed time.Duration, completed int64)
}

// MaxConnections is the most that a run may have: the client's ports end soon
// above.
const MaxConnections = 50_000

const maxTarget = 8 << 10

// A FieldError is what is wrong with a field of a Config.
type FieldError struct{ Field, Want string }

func (e *FieldError) Error() string { return "load: " + e.Field + " " + e.Want }

// normal returns c with defaults filled in, or all that is wrong with it, in the
// order of the fields.
func (c Config) normal() (Config, error) {
	var wrong []error
	for _, check := range []struct {
		field, want string
		bad         bool
	}{
		{"Target", "needs an address and a port", !c.Target.IsValid() || c.Target.Port() == 0},
		{"Host", "must have no space, CR or LF", strings.ContainsAny(c.Host, " \r\n")},
		{"Path", "must begin with / and have no space, CR or LF", c.Path != "" && (c.Path[0] != '/' || strings.ContainsAny(c.Path, " \r\n"))},
		{"Path", "and the host together must be shorter than 8 KiB", len(c.Path)+len(c.Host) > maxTarget},
		{"Fields", "must be \"Name: value\", without CR or LF, 2 KiB in all, and Host once at most", !fieldsOK(c.Fields)},
		{"Connections", fmt.Sprintf("must be 1 to %d", MaxConnections), c.Connections < 1 || c.Connections > MaxConnections},
		{"Mode", "is unknown", int(c.Mode) >= len(modeNames)},
		{"Duration", "must be positive", c.Duration <= 0},
		{"Duration", "and the warm-up together must be less than a day", c.Duration+c.WarmUp > 24*time.Hour},
		{"WarmUp", "must not be negative", c.WarmUp < 0},
		{"Timeout", "must not be negative", c.Timeout < 0},
		{"Workers", "must not be negative", c.Workers < 0},
		{"CPUs", "must not be negative", len(c.CPUs) > 0 && slices.Min(c.CPUs) < 0},
		{"BodyLen", "must not be less than -1", c.BodyLen < -1},
		{"Status", "must be 100 to 599, or 0 for 200", c.Status != 0 && (c.Status < 100 || c.Status > 599)},
		{"MaxRate", "must not be negative", c.MaxRate < 0},
	} {
		if check.bad {
			wrong = append(wrong, &FieldError{check.field, check.want})
		}
	}
	if wrong != nil {
		return c, errors.Join(wrong...)
	}
	if c.Host == "" {
		c.Host = c.Target.String()
	}
	if c.Path == "" {
		c.Path = "/"
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Second
	}
	if c.Spin == 0 {
		c.Spin = 50 * time.Microsecond
	}
	if c.Jitter == 0 {
		c.Jitter = 50 * time.Millisecond
	}
	if c.Status == 0 {
		c.Status = 200
	}
	if c.Command == nil {
		c.Command = exec.CommandContext
	}
	c.Workers = min(max(c.Workers, 1), c.Connections)
	return c, nil
}

func fieldsOK(fields []string) bool {
	size, hosts := 0, 0
	for _, f := range fields {
		name, _, ok := strings.Cut(f, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsAny(f, "\r\n\x00") {
			return false
		}
		if strings.EqualFold(name, "Host") {
			hosts++
		}
		size += len(f)
	}
	return size <= 2<<10 && hosts <= 1
}

// request is the request, byte for byte. A Host among the fields replaces the
// target's: a request with two is refused (RFC 9112 section 3.2).
func (c *Config) request() []byte {
	host, rest := "Host: "+c.Host, make([]string, 0, len(c.Fields))
	for _, f := range c.Fields {
		if name, _, _ := strings.Cut(f, ":"); strings.EqualFold(name, "Host") {
			host = f
			continue
		}
		rest = append(rest, f)
	}
	b := fmt.Appendf(nil, "GET %s HTTP/1.1\r\n%s\r\n", c.Path, host)
	for _, f := range rest {
		b = fmt.Appendf(b, "%s\r\n", f)
	}
	return append(b, "\r\n"...)
}
