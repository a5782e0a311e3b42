// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"container/heap"
	"errors"
)

// ErrEmptyQueue says that there is nobody to serve, or to be served.
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
// arrival: each connection sends its next request when it has its response, and
// one of the servers takes what service returns for each request. All
// connections ask at once in the beginning; whoever wants the steady state
// leaves the first requests out.
func ClosedQueue(connections, servers, n int, service func() float64) ([]float64, error) {
	if connections < 1 || servers < 1 || n < 1 {
		return nil, ErrEmptyQueue
	}
	asks, free := make(freeTimes, connections), make(freeTimes, servers)
	responses := make([]float64, n)
	for i := range responses {
		at := asks[0]
		done := max(at, free[0]) + service()
		free.replaceFirst(done)
		asks.replaceFirst(done)
		responses[i] = done - at
	}
	return responses, nil
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
