// SPDX-License-Identifier: Apache-2.0

package saturation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/plot/vg"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/stats"
)

// An Excess is a tier's 99th percentile under load, and that of an ideal queue
// with the tier's own service times.
type Excess struct {
	Tier            runs.Tier
	Load            string
	Connections     int
	Measured, Ideal float64        // geometric means over blocks, µs
	Ratio           stats.Interval // measured to ideal, over blocks
	Err             error          // why there is no ratio, or no interval
}

// Excesses compares every load above one connection with an ideal queue, block
// by block.
//
// The ideal serves first come, first served, and loses no time in between. Its
// service times are drawn from the latencies that the same block saw with one
// connection, where nobody waits. It has as many servers as the measured rate
// demands: X(N)/X(1), rounded up, and its services are stretched by what the
// rounding added. So a closed loop's ideal has the measured rate, and by Little's
// law the measured mean; a ratio above 1 is a tail that neither the queue nor
// the services alone explain: somebody is served late who should not be.
func Excesses(s *runs.Set, file string) []Excess {
	var all []Excess
	for _, t := range s.Tiers() {
		alone := map[int32]lonely{}       // by block
		by := map[string][]*dataset.Run{} // by load
		var loads []string
		for i := range s.Runs() {
			r := &s.Runs()[i]
			if r.Tier != t.Name || r.File != file || r.Outcome != dataset.OK || r.Traced {
				continue
			}
			if r.Loop == "closed" && r.Connections == 1 {
				services, err := s.Latencies(r, dataset.Service, nil)
				alone[r.Block] = lonely{r, services, err}
				continue
			}
			if len(by[r.Load]) == 0 {
				loads = append(loads, r.Load)
			}
			by[r.Load] = append(by[r.Load], r)
		}
		slices.SortFunc(loads, func(a, b string) int { return int(by[a][0].Connections - by[b][0].Connections) })
		for _, load := range loads {
			e := Excess{Tier: t, Load: load, Connections: int(by[load][0].Connections), Measured: math.NaN(), Ideal: math.NaN()}
			var measured, expected, ratios []float64
			for _, r := range by[load] {
				one, ok := alone[r.Block]
				if !ok {
					continue
				}
				p99, err := ideal(s, one, r)
				if err != nil {
					e.Err = err
					break
				}
				measured, expected, ratios = append(measured, float64(r.P99Ns)/1e3), append(expected, p99/1e3), append(ratios, float64(r.P99Ns)/p99)
			}
			if e.Err == nil && len(ratios) == 0 {
				e.Err = fmt.Errorf("no block has both %s and one connection", load)
			}
			if e.Err == nil {
				m, _ := stats.GeometricMean(measured, plan.Level) // the ratio's error says it, too
				i, _ := stats.GeometricMean(expected, plan.Level)
				e.Measured, e.Ideal = m.Estimate, i.Estimate
				e.Ratio, e.Err = stats.GeometricMean(ratios, plan.Level)
			}
			all = append(all, e)
		}
	}
	return all
}

// simulated requests of each closed loop: a p99 with some hundreds beyond it.
const simulated = 30_000

// A lonely run is one with one connection, and its service times in ns.
type lonely struct {
	run      *dataset.Run
	services []int64
	err      error // why there are none
}

// ideal is the 99th percentile in ns that an ideal queue has in place of the
// run, with the services of the run alone.
func ideal(s *runs.Set, alone lonely, run *dataset.Run) (float64, error) {
	services := alone.services
	if alone.err != nil {
		return math.NaN(), alone.err
	}
	if !(alone.run.Throughput > 0) || !(run.Throughput > 0) {
		return math.NaN(), fmt.Errorf("block %d has rates of %v and %v 1/s", run.Block, alone.run.Throughput, run.Throughput)
	}
	if len(services) == 0 {
		return math.NaN(), fmt.Errorf("block %d has no requests to take service times from", run.Block)
	}
	parallel := run.Throughput / alone.run.Throughput
	servers := max(1, int(math.Ceil(parallel-1e-9)))
	if run.Loop == "closed" {
		servers = min(servers, int(run.Connections))
	}
	stretch := float64(servers) / parallel
	rng := rand.New(rand.NewPCG(plan.Seed, uint64(run.Block)))
	serve := func() float64 { return stretch * float64(services[rng.IntN(len(services))]) }
	var responses []float64
	var err error
	if run.Loop == "closed" {
		n := int(run.Connections)
		responses, err = stats.ClosedQueue(n, servers, simulated+10*n, serve)
		if err == nil {
			responses = responses[10*n:]
		}
	} else {
		responses, err = open(s, run, servers, serve)
	}
	if err != nil {
		return math.NaN(), err
	}
	slices.Sort(responses)
	return responses[int(math.Ceil(.99*float64(len(responses))))-1], nil
}

// open sends an open loop's own arrivals through the queue.
func open(s *runs.Set, run *dataset.Run, servers int, serve func() float64) ([]float64, error) {
	requests, err := s.Requests(run)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(requests, func(a, b dataset.Request) int { return int(a.IntendedNs - b.IntendedNs) })
	arrivals, services := make([]float64, len(requests)), make([]float64, len(requests))
	warm := 0
	for i := range requests {
		arrivals[i], services[i] = float64(requests[i].IntendedNs), serve()
		if requests[i].WarmUp {
			warm = i + 1
		}
	}
	responses, err := stats.OpenQueue(arrivals, services, servers)
	if err != nil || warm == len(responses) {
		return nil, stats.ErrEmptyQueue
	}
	return responses[warm:], nil
}

// ExcessFigure draws the ratio of the measured to the ideal 99th percentile
// against the connections, for the closed loops.
func ExcessFigure(s *runs.Set, all []Excess) *figure.Figure {
	l := figure.Lines{Title: "99th percentile, against an ideal queue's", X: "Connections", Y: "Measured p99 to the ideal's", LogX: true, LogY: true, Notes: append(s.Notes(),
		"The ideal: first come, first served, service times as measured with one connection, as many servers as the measured rate demands."), Width: figure.PageWidth, Height: 10.5 * vg.Centimeter, Bars: true}
	for _, e := range all {
		if n := len(l.Series); n == 0 || l.Series[n-1].Name != e.Tier.Name {
			l.Series = append(l.Series, figure.Series{Name: e.Tier.Name, Boundary: e.Tier.Boundary})
		}
		series := &l.Series[len(l.Series)-1]
		if e.Load != fmt.Sprintf("c%d", e.Connections) { // an open loop's, which the table has
			continue
		}
		p := figure.Point{X: float64(e.Connections), Y: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
		if !math.IsNaN(e.Measured) {
			p.Y, p.Lo, p.Hi = e.Ratio.Estimate, e.Ratio.Lo, e.Ratio.Hi
		}
		series.Points = append(series.Points, p)
	}
	return l.Draw()
}

// ExcessTable is the comparison as rows under a header.
func ExcessTable(all []Excess) (header []string, rows [][]string) {
	header = []string{"tier", "load", "p99 (µs)", "ideal queue's", "ratio"}
	for _, e := range all {
		row := []string{e.Tier.Name, e.Load, "", "", e.Ratio.String()}
		if !math.IsNaN(e.Measured) {
			row[2], row[3] = stats.Number(e.Measured, 4), stats.Number(e.Ideal, 4)
		}
		if e.Err != nil {
			row[4] = e.Err.Error()
		}
		rows = append(rows, row)
	}
	return header, rows
}

// ExcessAnswer says at which tier and load the tail is furthest beyond an ideal
// queue's.
func ExcessAnswer(all []Excess) string {
	var worst *Excess
	beyond, compared := 0, 0
	for i, e := range all {
		if e.Err != nil {
			continue
		}
		compared++
		if e.Ratio.Lo > 1 {
			beyond++
		}
		if worst == nil || e.Ratio.Estimate > worst.Ratio.Estimate {
			worst = &all[i]
		}
	}
	if worst == nil {
		return "No tier has what a comparison with an ideal queue needs: runs with one connection and with more in at least two blocks."
	}
	return fmt.Sprintf("In %d of %d cells the p99 is beyond an ideal queue's, the interval above 1; furthest %s's at %s, %.3g times [%.3g, %.3g]. What the ideal has, too, is queueing; the rest is how the server shares out its time.",
		beyond, compared, worst.Tier.Name, worst.Load, worst.Ratio.Estimate, worst.Ratio.Lo, worst.Ratio.Hi)
}
