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

// A Step is what users of a tier wait when it is asked for a share of its
// capacity: the p99 of the response time in µs, a geometric mean over runs.
type Step struct {
	Tier           runs.Tier
	Percent        int // of the capacity, the tier's greatest rate in a closed loop
	stats.Interval     // of the p99, µs, over the usable runs
	Of             int // runs, usable or not
	Err            error
}

// ErrNotOffered says that a load was more than the client and the server could take.
var ErrNotOffered = errors.New("the load was not offered as drawn")

// Ladder is the open loops on one file, by tier and share of its capacity.
// Runs whose load was not offered as drawn are rejected; where most of a step's
// are, those that are left are the lucky ones, and it has no value.
func Ladder(s *runs.Set, file string) (steps []Step) {
	for _, t := range s.Tiers() {
		p99, of := map[int][]float64{}, map[int]int{}
		for _, r := range s.Runs() {
			percent, found := strings.CutPrefix(r.Load, "o")
			n, err := strconv.Atoi(percent)
			if !found || err != nil || r.Tier != t.Name || r.File != file || r.Traced {
				continue
			}
			of[n]++
			if r.Outcome == dataset.OK {
				p99[n] = append(p99[n], float64(r.P99Ns)/1e3)
			}
		}
		for _, n := range slices.Sorted(maps.Keys(of)) {
			step := Step{Tier: t, Percent: n, Of: of[n]}
			if got := len(p99[n]); 2*got < step.Of {
				step.Interval = stats.Interval{Estimate: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), N: got}
				step.Err = fmt.Errorf("%w in %d of %d runs", ErrNotOffered, step.Of-got, step.Of)
			} else {
				step.Interval, step.Err = stats.GeometricMean(p99[n], plan.Level)
			}
			steps = append(steps, step)
		}
	}
	return steps
}

// LadderFigure draws it.
func LadderFigure(s *runs.Set, steps []Step) *figure.Figure {
	l := figure.Lines{Title: "What users wait: response time against offered load", X: "Offered load (% of the capacity)", Y: "p99 of the response time (µs)", LogY: true,
		Notes: append(s.Notes(), strings.Join(append([]string{"Capacity: the greatest rate in a closed loop."}, arrivals(s)...), " ")), Height: 7.6 * vg.Centimeter, Bars: true}
	used, made := 0, 0
	for _, step := range steps {
		used, made = used+step.N, made+step.Of
	}
	if used < made {
		l.Notes = append(l.Notes, fmt.Sprintf("Not usable, and left out: %d of %d runs.", made-used, made))
	}
	var series *figure.Series
	for _, step := range steps {
		if errors.Is(step.Err, ErrNotOffered) {
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

// arrivals says, in a sentence for each way, how open loops were drawn.
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
	header = []string{"tier", "offered (% of the capacity)", "p99 of the response time (µs)", "runs"}
	for _, step := range steps {
		text := step.Interval.String()
		if step.Err != nil && !errors.Is(step.Err, stats.ErrTooFew) {
			text = step.Err.Error()
		}
		rows = append(rows, []string{step.Tier.Name, fmt.Sprint(step.Percent), text, fmt.Sprint(step.N)})
	}
	return header, rows
}

// LadderAnswer says in a sentence what, for each tier, the wait at the highest
// load that was offered as drawn is to that at the lowest.
func LadderAnswer(steps []Step) string {
	var parts []string
	for i := 0; i < len(steps); {
		last := i
		next := i + 1
		for ; next < len(steps) && steps[next].Tier == steps[i].Tier; next++ {
			if !errors.Is(steps[next].Err, ErrNotOffered) {
				last = next
			}
		}
		if last > i && steps[i].Estimate > 0 {
			parts = append(parts, fmt.Sprintf("%s's is %s times at %d %% what it is at %d %%",
				steps[i].Tier.Name, stats.Number(steps[last].Estimate/steps[i].Estimate, 2), steps[last].Percent, steps[i].Percent))
		}
		i = next
	}
	if len(parts) == 0 {
		return "This dataset has no open loops at two loads or more of any tier; collect with a plan that names rates."
	}
	return "With the load offered, the p99 of the response time grows: " + strings.Join(parts, "; ") + "."
}
