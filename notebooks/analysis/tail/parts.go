// SPDX-License-Identifier: Apache-2.0

// Package tail finds where slow requests spend their time: how long each stage
// of a request takes in the slowest ones, against all.
package tail

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"crossing/data/dataset"
	"crossing/notebooks/stats"
)

// Names of the parts of a request's way, in order. Each ends at a point that
// was seen; one that was not gives its time to the next part. So a bypass tier,
// which has no IP, wake-up, scheduling and receive of its own, has nothing there.
var Names = [...]string{
	"wire to server", // sent … device
	"IP",             // … TCP took it
	"TCP in",         // … data ready
	"wake-up",        // … thread woken
	"scheduling",     // … thread on CPU
	"queue and recv", // … receive returned
	"server",         // … send called
	"TCP out",        // … first segment to the device
	"segments",       // … last segment to the device
	"wire to client", // … client has the last byte
}

// Parts is the time in ns of each part of one request; they sum to its service
// time exactly.
type Parts [len(Names)]int64

// Split divides a request's service time among its parts.
func Split(q *dataset.Request, s *dataset.Stage) (p Parts) {
	before := q.SentNs
	points := s.Points()
	for i, at := range append(points[:], &q.LastByteNs) {
		if *at == 0 {
			continue
		}
		p[i] = *at - before
		before = *at
	}
	return p
}

// Joined are the requests of one run that have server-side times.
type Joined struct {
	Total []int64 // service time, ns
	Parts []Parts
}

// ErrNegative reports that a request's stages are not its own: a part of its time
// would be negative. That the parts sum to the service time shows nothing, since
// they do by construction.
var ErrNegative = errors.New("requests are joined with the stages of others: a part of their time is negative")

// Join joins a traced run's requests and stages by port and stream offset,
// without the warm-up and what failed.
func Join(requests []dataset.Request, stages []dataset.Stage) (Joined, error) {
	type key struct {
		port   int32
		offset int64
	}
	at := make(map[key]int, len(stages))
	for i := range stages {
		at[key{stages[i].Port, stages[i].Offset}] = i
	}
	var j Joined
	negative := 0
	for i := range requests {
		q := &requests[i]
		k, ok := at[key{int32(q.Port), q.Offset}]
		if !ok || q.WarmUp || !q.OK() {
			continue
		}
		parts := Split(q, &stages[k])
		if slices.Min(parts[:]) < 0 {
			negative++
			continue
		}
		j.Total, j.Parts = append(j.Total, q.ServiceNs()), append(j.Parts, parts)
	}
	if negative > 0 {
		return j, fmt.Errorf("%w (%d of %d)", ErrNegative, negative, negative+len(j.Total))
	}
	return j, nil
}

// ErrFew reports that too few requests are joined to speak of their tail.
var ErrFew = errors.New("too few joined requests for the tail that is asked for")

// Means is the mean time in ns of each part over the requests whose total lies
// above the quantile from and not above the quantile to.
func (j Joined) Means(from, to float64) (means [len(Names)]float64, err error) {
	n := len(j.Total)
	if float64(n)*(to-from) < 10 {
		return means, ErrFew
	}
	sorted := slices.Clone(j.Total)
	slices.Sort(sorted)
	lo, hi := int64(math.MinInt64), sorted[min(n-1, int(to*float64(n)))]
	if from > 0 {
		lo = sorted[min(n-1, int(from*float64(n)))]
	}
	count := 0.0
	for i, t := range j.Total {
		if t < lo || t > hi {
			continue
		}
		count++
		for p, v := range j.Parts[i] {
			means[p] += float64(v)
		}
	}
	if count == 0 {
		return means, ErrFew
	}
	for p := range means {
		means[p] /= count
	}
	return means, nil
}

// A Share is how much of the time of a band of requests one part takes, over
// runs.
type Share struct {
	Part string
	stats.Interval
}

// Time is the mean service time in ns over a band of requests, one value per
// run, as an arithmetic mean with its interval over runs. The error is as that of
// Shares.
func Time(runs []Joined, from, to float64) (stats.Interval, error) {
	var values []float64
	for _, j := range runs {
		m, err := j.Means(from, to)
		if err != nil {
			continue
		}
		total := 0.0
		for _, v := range m {
			total += v
		}
		values = append(values, total)
	}
	if len(values) == 0 {
		return stats.Interval{}, ErrFew
	}
	in, err := stats.PositiveMean(values, stats.Level)
	if errors.Is(err, stats.ErrTooFew) {
		err = nil
	}
	return in, err
}

// Shares are the parts' shares of the total in a band of requests, one value
// per run, with intervals over runs. Runs with too few requests are left out;
// with none left the error is ErrFew.
func Shares(runs []Joined, from, to float64) ([]Share, error) {
	values := make([][]float64, len(Names))
	for _, j := range runs {
		m, err := j.Means(from, to)
		if err != nil {
			continue
		}
		total := 0.0
		for _, v := range m {
			total += v
		}
		if total <= 0 {
			continue
		}
		for p, v := range m {
			values[p] = append(values[p], v/total)
		}
	}
	if len(values[0]) == 0 {
		return nil, ErrFew
	}
	shares := make([]Share, len(Names))
	for p := range shares {
		in, err := stats.Mean(values[p], stats.Level)
		if err != nil && !errors.Is(err, stats.ErrTooFew) {
			return nil, err
		}
		shares[p] = Share{Names[p], in}
	}
	return shares, nil
}

// A Band is the requests whose service time lies between two quantiles.
type Band struct {
	Name     string
	From, To float64
}

// The bands that are compared.
var (
	Middle  = Band{"middle half", .25, .75}
	Slowest = Band{"slowest 1 %", .99, 1}
)

// InBoth are the runs that have requests enough in the middle and in the slowest
// band: only the same runs can be compared.
func InBoth(runs []Joined) (both []Joined) {
	for _, j := range runs {
		_, middle := j.Means(Middle.From, Middle.To)
		_, slow := j.Means(Slowest.From, Slowest.To)
		if middle == nil && slow == nil {
			both = append(both, j)
		}
	}
	return both
}

// ErrNoExcess reports that the slowest requests are no slower than the middle.
var ErrNoExcess = errors.New("the slowest requests take no longer than the middle half")

// Excess is how much longer the slowest requests take than the middle half, in
// ns, in the mean over the runs that have both, and the share of it in each part.
// The shares sum to 1; that of a part which is shorter in the slowest requests is
// negative.
func Excess(runs []Joined) (shares [len(Names)]float64, total float64, err error) {
	runs = InBoth(runs)
	if len(runs) == 0 {
		return shares, 0, ErrFew
	}
	for _, j := range runs {
		middle, _ := j.Means(Middle.From, Middle.To)
		slow, _ := j.Means(Slowest.From, Slowest.To)
		for p := range shares {
			more := (slow[p] - middle[p]) / float64(len(runs))
			shares[p] += more
			total += more
		}
	}
	if !(total > 0) {
		return shares, total, ErrNoExcess
	}
	for p := range shares {
		shares[p] /= total
	}
	return shares, total, nil
}
