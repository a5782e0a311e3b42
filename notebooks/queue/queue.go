// Package queue simulates ideal queues: first come, first served, no time lost
// between two requests, nobody preempted. What a server takes beyond one is not
// queueing.
package queue

import (
	"container/heap"
	"errors"
)

// ErrEmpty says that there is nobody to serve, or to be served.
var ErrEmpty = errors.New("a queue needs at least one server, one customer and one service time")

// Open is the response time of each request of a G/G/c queue: request i arrives
// at arrivals[i], ascending, and takes services[i] at the first of the servers
// that is free (Kiefer and Wolfowitz, Transactions of the American Mathematical
// Society 78(1), 1955; with one server it is Lindley's recursion, 1952). All
// times have one unit.
func Open(arrivals, services []float64, servers int) ([]float64, error) {
	if servers < 1 || len(arrivals) == 0 || len(arrivals) != len(services) {
		return nil, ErrEmpty
	}
	free := make(times, servers)
	responses := make([]float64, len(arrivals))
	for i, at := range arrivals {
		done := max(at, free[0]) + services[i]
		free.replaceFirst(done)
		responses[i] = done - at
	}
	return responses, nil
}

// Closed is the response times of n requests of a closed queue, in order of
// arrival: each of so many connections asks again when it has its answer, and
// one of the servers takes what service returns for each request. All
// connections ask at once in the beginning; whoever wants the steady state
// leaves the first requests out.
func Closed(connections, servers, n int, service func() float64) ([]float64, error) {
	if connections < 1 || servers < 1 || n < 1 {
		return nil, ErrEmpty
	}
	asks, free := make(times, connections), make(times, servers)
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

// times is a heap, the earliest first.
type times []float64

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i] < t[j] }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }

// Push implements heap.Interface; the heaps here never grow.
func (t *times) Push(x any) { *t = append(*t, x.(float64)) }

// Pop implements heap.Interface; the heaps here never shrink.
func (t *times) Pop() any { panic("the number of servers does not change") }

func (t *times) replaceFirst(v float64) {
	(*t)[0] = v
	heap.Fix(t, 0)
}
