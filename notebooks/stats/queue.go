// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"container/heap"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
)

// ErrEmptyQueue reports that there is nobody to serve, or to be served.
var ErrEmptyQueue = errors.New("a queue needs at least one server, one customer and one service time")

// OpenQueue is the response time of each request of a G/G/c queue: request i arrives
// at arrivals[i], ascending, and takes services[i] at the first of the servers
// that is free (Kiefer and Wolfowitz, Transactions of the American Mathematical
// Society 78(1), 1955; with one server it is Lindley's recursion, 1952). All
// times have one unit.
func OpenQueue(arrivals, services []float64, servers int) ([]float64, error) {
	if servers < 1 || len(arrivals) == 0 || len(arrivals) != len(services) {
		return nil, ErrEmptyQueue
	}
	free := make(freeTimes, servers)
	responses := make([]float64, len(arrivals))
	for i, at := range arrivals {
		done := max(at, free[0]) + services[i]
		free.replaceFirst(done)
		responses[i] = done - at
	}
	return responses, nil
}

// ClosedQueue is the response times of n requests of a closed queue, in order of
// arrival: each connection sends its next request when it has its response. A
// request reaches the station after half of delay, waits for one of the servers,
// takes what service returns, and is back after the other half; so the delay is
// part of the response time, but nobody waits in it. All connections start
// together; to see the steady state, leave the first requests out.
func ClosedQueue(connections, servers, n int, delay float64, service func() float64) ([]float64, error) {
	if connections < 1 || servers < 1 || n < 1 {
		return nil, ErrEmptyQueue
	}
	arrivals, free := make(freeTimes, connections), make(freeTimes, servers)
	responses := make([]float64, n)
	for i := range responses {
		at := arrivals[0]
		done := max(at, free[0]) + service()
		free.replaceFirst(done)
		arrivals.replaceFirst(done + delay)
		responses[i] = done - at + delay
	}
	return responses, nil
}

// Tandem splits the latencies of one connection, where nobody waits, into a
// constant delay and the services of a station whose greatest rate, in 1/s, is
// given: services have the mean 1/rate, and the delay is the rest of the mean
// latency. All variation is taken to be the services'; a latency below the delay
// is a service of 0. Times are in ns.
func Tandem(latencies []int64, rate float64) (delay float64, services []float64) {
	mean := 0.0
	for _, l := range latencies {
		mean += float64(l) / float64(len(latencies))
	}
	delay = max(0, mean-1e9/rate)
	services = make([]float64, len(latencies))
	sum := 0.0
	for i, l := range latencies {
		services[i] = max(0, float64(l)-delay)
		sum += services[i]
	}
	for i := range services {
		services[i] *= 1e9 / rate * float64(len(services)) / sum
	}
	return delay, services
}

// simulated is the number of requests of a simulated closed loop: a p99 with some
// hundreds beyond it.
const simulated = 30_000

// IdealP99 is the 99th percentile in ns of a closed loop on an ideal server: the
// Tandem of the latencies of one connection and the greatest rate, first come,
// first served.
func IdealP99(latencies []int64, rate float64, connections int, rng *rand.Rand) (float64, error) {
	if len(latencies) == 0 || !(rate > 0) {
		return math.NaN(), ErrEmptyQueue
	}
	delay, services := Tandem(latencies, rate)
	start := 10 * connections // all start together
	responses, err := ClosedQueue(connections, 1, simulated+start, delay, func() float64 { return services[rng.IntN(len(services))] })
	if err != nil {
		return math.NaN(), err
	}
	responses = responses[start:]
	slices.Sort(responses)
	return responses[Rank(len(responses), .99)-1], nil
}

// freeTimes is a heap, the earliest first.
type freeTimes []float64

func (t freeTimes) Len() int           { return len(t) }
func (t freeTimes) Less(i, j int) bool { return t[i] < t[j] }
func (t freeTimes) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }

// Push implements heap.Interface; the heaps here never grow.
func (t *freeTimes) Push(x any) { *t = append(*t, x.(float64)) }

// Pop implements heap.Interface; the heaps here never shrink.
func (t *freeTimes) Pop() any { panic("the number of servers does not change") }

func (t *freeTimes) replaceFirst(v float64) {
	(*t)[0] = v
	heap.Fix(t, 0)
}
