// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// A Schedule draws, before the run, the times at which requests are due.
type Schedule interface {
	// Times returns the times in ns after the origin, ascending, all less than
	// total. The same seed gives the same times.
	Times(total time.Duration, seed uint64) ([]int64, error)
	// String names the schedule with its rate, as stored in datasets.
	String() string
}

// most bounds a schedule: 100 million rows are 7 GB.
const most = 100e6

func checkRate(rate float64, total time.Duration) error {
	if !(rate > 0) || rate*total.Seconds() > most {
		return fmt.Errorf("a rate of %g/s for %v: want more than 0 and at most %g requests in all", rate, total, most)
	}
	return nil
}

// Poisson is the arrival process of many independent users: gaps are
// exponential with mean 1/Rate. Rate is in requests per second.
type Poisson struct{ Rate float64 }

func (p Poisson) String() string { return fmt.Sprintf("poisson %g/s", p.Rate) }

// Times implements Schedule.
func (p Poisson) Times(total time.Duration, seed uint64) ([]int64, error) {
	if err := checkRate(p.Rate, total); err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(seed, 0x706f6973736f6e))
	times := make([]int64, 0, int(p.Rate*total.Seconds()*1.01)+64)
	for t := 0.0; ; {
		if t += r.ExpFloat64() / p.Rate * 1e9; t >= float64(total) {
			return times, nil
		}
		times = append(times, int64(t))
	}
}

// Fixed sends at even distances, Rate requests per second, from the origin on.
type Fixed struct{ Rate float64 }

func (f Fixed) String() string { return fmt.Sprintf("fixed %g/s", f.Rate) }

// Times implements Schedule. It uses no seed.
func (f Fixed) Times(total time.Duration, _ uint64) ([]int64, error) {
	if err := checkRate(f.Rate, total); err != nil {
		return nil, err
	}
	n := int(math.Ceil(f.Rate * total.Seconds()))
	times := make([]int64, 0, n)
	for i := range n {
		t := int64(float64(i) / f.Rate * 1e9)
		if t >= int64(total) {
			break
		}
		times = append(times, t)
	}
	return times, nil
}

// Trace repeats recorded arrivals. See ReadTrace.
type Trace struct {
	Name string
	At   []time.Duration // after the origin, ascending
}

func (t *Trace) String() string { return "trace " + t.Name }

// Times implements Schedule: the arrivals before total, which may be few.
func (t *Trace) Times(total time.Duration, _ uint64) ([]int64, error) {
	var times []int64
	for _, at := range t.At {
		if at >= total {
			break
		}
		times = append(times, int64(at))
	}
	if len(times) == 0 {
		return nil, fmt.Errorf("trace %s has no arrival in the first %v", t.Name, total)
	}
	return times, nil
}

// ReadTrace reads a trace: one arrival per line, in seconds after the first
// moment, with up to nine decimals, in ascending order. What follows a comma,
// blank lines, and lines that begin with # are ignored.
func ReadTrace(name string, r io.Reader) (*Trace, error) {
	t := &Trace{Name: name}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		field, _, _ := strings.Cut(lines.Text(), ",")
		field = strings.TrimSpace(field)
		if field == "" || field[0] == '#' {
			continue
		}
		sec, err := strconv.ParseFloat(field, 64)
		if err != nil || !(sec >= 0) || sec >= 86400 {
			return nil, fmt.Errorf("trace %s, line %d: %q is no time in seconds from 0 to 86400", name, n, field)
		}
		at := time.Duration(math.Round(sec * 1e9))
		if k := len(t.At); k > 0 && at < t.At[k-1] {
			return nil, fmt.Errorf("trace %s, line %d: %v is earlier than the line before (sort the file)", name, n, at)
		}
		if len(t.At) >= most {
			return nil, fmt.Errorf("trace %s, line %d: more than %g arrivals", name, n, most)
		}
		t.At = append(t.At, at)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("trace %s: %w", name, err)
	}
	if len(t.At) == 0 {
		return nil, fmt.Errorf("trace %s holds no arrival (one time in seconds per line)", name)
	}
	return t, nil
}
