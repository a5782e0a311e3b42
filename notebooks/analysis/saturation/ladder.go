// SPDX-License-Identifier: Apache-2.0

package saturation

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// A Step is what users of a tier wait when it is offered a share of its
// capacity: the p99 of the response time in µs, the arithmetic mean over runs.
type Step struct {
	Tier           runs.Tier
	Percent        int  // of the capacity, the tier's greatest rate in a closed loop
	stats.Interval      // of the p99, µs, over all runs that were measured
	Bound          bool // the p99 of a run lies among requests that got no response: the value is a lower bound
	Late           int  // runs that the server did not keep up with: under 95 % of the requests were sent in time
	Of             int  // runs, measured or not
	Err            error
}

// Ladder is the open loops on one file, by tier and share of its capacity. Every
// run that was measured counts. A run in which the server fell behind is one in
// which users waited: without it the others would be the survivors.
func Ladder(s *runs.Set, file string) (steps []Step, err error) {
	for _, t := range s.Tiers() {
		by := map[int][]*dataset.Run{}
		all := s.Runs()
		for i := range all {
			r := &all[i]
			percent, found := strings.CutPrefix(r.Load, "o")
			n, err := strconv.Atoi(percent)
			if !found || err != nil || r.Tier != t.Name || r.File != file || r.Traced {
				continue
			}
			by[n] = append(by[n], r)
		}
		for _, n := range slices.Sorted(maps.Keys(by)) {
			step := Step{Tier: t, Percent: n, Of: len(by[n]), Interval: stats.Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}}
			var p99 []float64
			for _, r := range by[n] {
				if !runs.Measured(r) {
					continue
				}
				if r.Outcome != dataset.OK {
					step.Late++
				}
				w, err := runs.WaitP99(s, r)
				if errors.Is(err, stats.ErrNoBound) {
					step.Err = err
					continue
				}
				if err != nil {
					return nil, err
				}
				p99 = append(p99, float64(w.Ns)/1e3)
				step.Bound = step.Bound || w.Bound
			}
			if step.Err == nil {
				step.Interval, step.Err = stats.PositiveMean(p99, plan.Level)
			}
			steps = append(steps, step)
		}
	}
	return steps, nil
}

// LadderFigure draws it.
func LadderFigure(s *runs.Set, steps []Step) *figure.Figure {
	l := figure.Lines{Title: "What users wait: response time against offered load", X: "Offered load (% of the capacity)", Y: "p99 of the response time (µs)", LogY: true,
		Notes: append(s.Notes(), strings.Join(append([]string{"Capacity: the greatest rate of one closed loop."}, arrivals(s)...), " ")), Height: 7.6 * vg.Centimeter, Bars: true}
	late, of, bounds := 0, 0, 0
	for _, step := range steps {
		late, of = late+step.Late, of+step.Of
		if step.Bound {
			bounds++
		}
	}
	if late > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("In %d of %d runs the server fell behind, so that under 95 %% of the requests were sent in time; they count.", late, of))
	}
	if bounds > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("At %s requests without a response reach into the p99: the value is a lower bound.", runs.Count(bounds, "point")))
	}
	var series *figure.Series
	for _, step := range steps {
		if math.IsNaN(step.Estimate) {
			l.Notes = append(l.Notes, fmt.Sprintf("%s at %d %%: %v", step.Tier.Name, step.Percent, step.Err))
			continue
		}
		if series == nil || series.Name != step.Tier.Name {
			l.Series = append(l.Series, figure.Series{Name: step.Tier.Name, Boundary: step.Tier.Boundary})
			series = &l.Series[len(l.Series)-1]
		}
		series.Points = append(series.Points, figure.Point{X: float64(step.Percent), Y: step.Estimate, Lo: step.Lo, Hi: step.Hi})
	}
	return l.Draw()
}

// arrivals lists how open loops were drawn.
func arrivals(s *runs.Set) (all []string) {
	for _, r := range s.Runs() {
		if r.Arrivals == "" {
			continue
		}
		way := fmt.Sprintf("%s%s arrivals over %s.", strings.ToUpper(r.Arrivals[:1]), r.Arrivals[1:], runs.Count(int(r.Connections), "connection"))
		if !slices.Contains(all, way) {
			all = append(all, way)
		}
	}
	return all
}

// LadderTable is the steps as rows under a header.
func LadderTable(steps []Step) (header []string, rows [][]string) {
	header = []string{"tier", "offered (% of the capacity)", "p99 of the response time (µs)", "runs", "of them late"}
	for _, step := range steps {
		text := step.Interval.String()
		if step.Bound {
			text = "≥ " + text
		}
		if math.IsNaN(step.Estimate) {
			text = step.Err.Error()
		}
		rows = append(rows, []string{step.Tier.Name, fmt.Sprint(step.Percent), text, fmt.Sprint(step.N), fmt.Sprint(step.Late)})
	}
	return header, rows
}

// A Growth is by what factor a tier's p99 grows with the load.
type Growth struct {
	Tier       string
	From, To   int // % of the capacity
	Ratio      float64
	LowerBound bool
}

// Growths are the tiers'.
type Growths []Growth

// LadderAnswer is the growth from the lowest to the highest load of each tier at
// which it has a p99.
func LadderAnswer(steps []Step) (all Growths) {
	for i := 0; i < len(steps); {
		next := i
		for next < len(steps) && steps[next].Tier == steps[i].Tier {
			next++
		}
		known := slices.DeleteFunc(slices.Clone(steps[i:next]), func(s Step) bool { return math.IsNaN(s.Estimate) })
		if len(known) > 1 {
			first, last := known[0], known[len(known)-1]
			all = append(all, Growth{first.Tier.Name, first.Percent, last.Percent, last.Estimate / first.Estimate, last.Bound})
		}
		i = next
	}
	return all
}

// String is the answer as a sentence.
func (g Growths) String() string {
	if len(g) == 0 {
		return "This dataset has no open loops at two loads or more of any tier; collect with a plan that names rates."
	}
	var parts []string
	for _, t := range g {
		least := ""
		if t.LowerBound {
			least = "at least "
		}
		parts = append(parts, fmt.Sprintf("%s's is %s%s times at %d %% what it is at %d %%", t.Tier, least, stats.Number(t.Ratio, 2), t.To, t.From))
	}
	return "With the load offered, the p99 of the response time grows: " + strings.Join(parts, "; ") + "."
}
