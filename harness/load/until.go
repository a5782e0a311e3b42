// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"crossing/notebooks/stats"
)

// A Precision is a figure of a run and the target precision: half the
// width of its 95 % interval over runs, relative to its mean.
type Precision struct {
	Figure string  // rate, mean, p50, p75, p90, p99 or p99.9 (of the response time)
	Within float64 // 0.05 for ±5 %
}

var precision = regexp.MustCompile(`^(rate|mean|p50|p75|p90|p99|p99\.9)(?:±|\+-|\+/-)(\d+(?:\.\d+)?)%$`)

// ParsePrecision reads "p99±5%"; +- may stand for ±.
func ParsePrecision(s string) (p Precision, err error) {
	m := precision.FindStringSubmatch(s)
	if m == nil {
		return p, fmt.Errorf("%q: want a figure (rate, mean, p50, p75, p90, p99, p99.9) and its precision, like p99±5%% or p99+-5%%", s)
	}
	percent, err := strconv.ParseFloat(m[2], 64)
	if err != nil || percent <= 0 {
		return p, fmt.Errorf("%q: the precision must be positive", s)
	}
	return Precision{m[1], percent / 100}, nil
}

// of takes the figure from a summary.
func (p Precision) of(s *Summary) float64 {
	r := &s.Response
	switch p.Figure {
	case "rate":
		return s.Rate
	case "mean":
		return r.Mean
	}
	return float64(map[string]int64{"p50": r.P50, "p75": r.P75, "p90": r.P90, "p99": r.P99, "p99.9": r.P999}[p.Figure])
}

// Text writes a value of the figure with its unit.
func (p Precision) Text(value float64) string {
	if p.Figure == "rate" {
		return fmt.Sprintf("%.0f/s", value)
	}
	return Ns(value)
}

// A Replication is what several runs tell of one figure.
type Replication struct {
	Figure  string    `json:"figure"`
	Values  []float64 `json:"values"`           // one per run, ns or 1/s
	Mean    float64   `json:"mean"`             // over runs
	Low     float64   `json:"low_95,omitempty"` // Student's interval; 0 with fewer than two runs
	High    float64   `json:"high_95,omitempty"`
	Reached bool      `json:"reached"` // the precision asked for
}

// fewestRuns are made before the interval is looked at, since the spread of two
// or three runs may be small by luck.
const fewestRuns = 5

// Until repeats a run, each with its own seed, until the figure is known well
// enough or most runs are made; each, if set, is called after every run. Runs that
// are rejected are counted as runs and not used.
//
// The run is the unit: requests of one run depend on each other, so that an
// interval from them is far too narrow. As it is looked at after each run, the
// interval is a little narrower than 95 % in the long run.
func Until(ctx context.Context, c Config, p Precision, most int, each func(*Result, *Summary, *Replication)) (*Replication, error) {
	rep := &Replication{Figure: p.Figure}
	for i := 0; i < most && ctx.Err() == nil; i++ {
		r, err := Run(ctx, c)
		if err != nil {
			return rep, err
		}
		c.Seed++
		if ctx.Err() != nil {
			break // cut short
		}
		s := r.Summary()
		if !s.Rejected {
			rep.Values = append(rep.Values, p.of(&s))
			rep.Mean = rep.Values[0]
			if in, err := stats.Mean(rep.Values, .95); err == nil {
				rep.Mean, rep.Low, rep.High = in.Estimate, in.Lo, in.Hi
			}
			rep.Reached = len(rep.Values) >= fewestRuns && rep.High-rep.Mean <= p.Within*rep.Mean
		}
		if each != nil {
			each(r, &s, rep)
		}
		if rep.Reached {
			break
		}
	}
	return rep, nil
}
