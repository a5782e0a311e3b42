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
// fitted to the tier.
type Excess struct {
	Tier            runs.Tier
	Load            string
	Connections     int
	Measured, Ideal float64        // means over blocks, µs
	Ratio           stats.Interval // measured to ideal, over blocks
	Err             error          // why there is no ratio, or no interval
}

// Excesses compares every load above one connection with an ideal queue, block
// by block.
//
// The ideal is a delay, in which nobody waits, and a station with one server,
// first come, first served, in tandem. Two rates of the same block fit it: the
// greatest rate is one request for each service, X(max) = 1/S; with one
// connection a request takes both, X(1) = 1/(D+S). The latencies with one
// connection, less the delay, are the services, so that all of their variation
// is the server's. A ratio above 1 is a tail that queueing and services of these
// lengths do not explain.
func Excesses(s *runs.Set, file string) []Excess {
	var all []Excess
	for _, t := range s.Tiers() {
		stations := map[int32]*station{}
		by := map[string][]*dataset.Run{} // by load
		var loads []string
		for i := range s.Runs() {
			r := &s.Runs()[i]
			if r.Tier != t.Name || r.File != file || r.Outcome != dataset.OK || r.Traced {
				continue
			}
			if stations[r.Block] == nil {
				stations[r.Block] = &station{}
			}
			at := stations[r.Block]
			if r.Loop == "closed" {
				at.most = max(at.most, r.Throughput)
			}
			if r.Loop == "closed" && r.Connections == 1 {
				at.alone = r
				at.latencies, at.err = s.Latencies(r, dataset.Service, nil)
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
				at := stations[r.Block]
				if at.alone == nil {
					continue
				}
				p99, err := runs.P99(r)
				if err != nil {
					e.Err = err
					break
				}
				ideal, err := at.p99(s, r)
				if err != nil {
					e.Err = err
					break
				}
				measured, expected, ratios = append(measured, p99/1e3), append(expected, ideal/1e3), append(ratios, p99/ideal)
			}
			if e.Err == nil && len(ratios) == 0 {
				e.Err = fmt.Errorf("no block has both %s and one connection", load)
			}
			if e.Err == nil {
				m, _ := stats.PositiveMean(measured, plan.Level) // the ratio has the same error
				i, _ := stats.PositiveMean(expected, plan.Level)
				e.Measured, e.Ideal = m.Estimate, i.Estimate
				e.Ratio, e.Err = stats.GeometricMean(ratios, plan.Level)
			}
			all = append(all, e)
		}
	}
	return all
}

// A station is what a block shows of a tier: its run with one connection, with
// the latencies in ns, and its greatest rate in a closed loop.
type station struct {
	alone     *dataset.Run
	latencies []int64
	most      float64
	err       error // why there are no latencies
}

// p99 is the 99th percentile in ns that the ideal queue has in place of a run.
func (a *station) p99(s *runs.Set, run *dataset.Run) (float64, error) {
	if a.err != nil {
		return math.NaN(), a.err
	}
	if !(a.most > 0) || !(run.Throughput > 0) {
		return math.NaN(), fmt.Errorf("block %d has rates of %v and %v 1/s", run.Block, a.alone.Throughput, run.Throughput)
	}
	if len(a.latencies) == 0 {
		return math.NaN(), fmt.Errorf("block %d has no requests to take service times from", run.Block)
	}
	rng := rand.New(rand.NewPCG(plan.Seed, uint64(run.Block)))
	if run.Loop == "closed" {
		return stats.IdealP99(a.latencies, a.most, int(run.Connections), rng)
	}
	delay, services := stats.Tandem(a.latencies, a.most)
	responses, err := open(s, run, delay, func() float64 { return services[rng.IntN(len(services))] })
	if err != nil {
		return math.NaN(), err
	}
	slices.Sort(responses)
	return responses[stats.Rank(len(responses), .99)-1], nil
}

// open sends an open loop's own arrivals through the queue.
func open(s *runs.Set, run *dataset.Run, delay float64, serve func() float64) ([]float64, error) {
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
	responses, err := stats.OpenQueue(arrivals, services, 1)
	if err != nil || warm == len(responses) {
		return nil, stats.ErrEmptyQueue
	}
	for i := range responses {
		responses[i] += delay
	}
	return responses[warm:], nil
}

// ExcessFigure draws the ratio of the measured to the ideal 99th percentile
// against the connections, for the closed loops.
func ExcessFigure(s *runs.Set, all []Excess) *figure.Figure {
	l := figure.Lines{Title: "99th percentile, against an ideal queue's", X: "Connections", Y: "Measured p99 to the ideal's", LogX: true, LogY: true, Notes: append(s.Notes(),
		"The ideal: a delay and one server, first come, first served, fitted to the rate with one connection and to the greatest rate."), Width: figure.PageWidth, Height: 10.5 * vg.Centimeter, Bars: true}
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

// A Beyond counts the cells whose tail is beyond an ideal queue's.
type Beyond struct {
	Cells, Compared int
	Furthest        *Excess // nil where none could be compared
}

// ExcessAnswer counts the cells and finds the furthest.
func ExcessAnswer(all []Excess) (b Beyond) {
	for i := range all {
		e := &all[i]
		if e.Err != nil {
			continue
		}
		b.Compared++
		if e.Ratio.Lo > 1 {
			b.Cells++
		}
		if b.Furthest == nil || e.Ratio.Estimate > b.Furthest.Ratio.Estimate {
			b.Furthest = e
		}
	}
	return b
}

// String is the answer as a sentence.
func (b Beyond) String() string {
	if b.Furthest == nil {
		return "No tier has what a comparison with an ideal queue needs: runs with one connection and with more in at least two blocks, with requests that bound a p99."
	}
	r := b.Furthest.Ratio
	return fmt.Sprintf("In %d of %d cells the p99 is beyond that of an ideal queue, with the interval above 1 (one in forty would be by chance alone); furthest %s's at %s, %.3g times [%.3g, %.3g]. Queueing and service times are in the ideal; the rest is how the server schedules its requests, or a pause.",
		b.Cells, b.Compared, b.Furthest.Tier.Name, b.Furthest.Load, r.Estimate, r.Lo, r.Hi)
}
