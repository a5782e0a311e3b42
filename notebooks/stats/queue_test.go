// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// TestQueueByHand follows each request.
func TestQueueByHand(t *testing.T) {
	for _, c := range []struct {
		arrivals, services []float64
		servers            int
		want               []float64
	}{
		{[]float64{0, 1, 2}, []float64{3, 3, 3}, 1, []float64{3, 5, 7}},
		{[]float64{0, 1, 2}, []float64{3, 3, 3}, 2, []float64{3, 3, 4}},
		{[]float64{0, 1, 2}, []float64{3, 3, 3}, 3, []float64{3, 3, 3}},
		{[]float64{0, 0, 10}, []float64{1, 2, 3}, 1, []float64{1, 3, 3}},
	} {
		if got, err := OpenQueue(c.arrivals, c.services, c.servers); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%v %v on %d: %v (%v), want %v", c.arrivals, c.services, c.servers, got, err, c.want)
		}
	}
	// Three connections, one server, a service of 1: the first waits for
	// nobody, and from the third on everybody for two.
	if got, _ := ClosedQueue(3, 1, 6, 0, func() float64 { return 1 }); !slices.Equal(got, []float64{1, 2, 3, 3, 3, 3}) {
		t.Error(got)
	}
	if got, _ := ClosedQueue(2, 3, 4, 0, func() float64 { return 1 }); !slices.Equal(got, []float64{1, 1, 1, 1}) {
		t.Error(got)
	}
}

const queueRequests = 2_000_000

func nearRelative(t *testing.T, what string, got, want float64) {
	t.Helper()
	if got < want*.98 || got > want*1.02 {
		t.Errorf("%s: %v, scipy: %v", what, got, want)
	}
}

func samplePercentile(x []float64, q float64) float64 {
	slices.Sort(x)
	return x[int(q*float64(len(x)))]
}

// TestErlang compares with the closed forms of M/M/c, by Erlang's C formula;
// the values are by scipy: notebooks/values.py. Services last 1 on average.
func TestErlang(t *testing.T) {
	for _, c := range []struct {
		servers        int
		busy           float64 // offered load of each server
		mean, p90, p99 float64 // of the response time
	}{
		{1, .7, 3.333333, 7.675284, 15.350567},
		{3, .7, 1.547049, 3.398839, 6.271924},
		{8, .9, 1.876916, 3.957521, 7.087347},
	} {
		rng := rand.New(rand.NewPCG(5, uint64(c.servers)))
		arrivals, services := make([]float64, queueRequests), make([]float64, queueRequests)
		now := 0.0
		for i := range arrivals {
			now += rng.ExpFloat64() / (c.busy * float64(c.servers))
			arrivals[i], services[i] = now, rng.ExpFloat64()
		}
		got, err := OpenQueue(arrivals, services, c.servers)
		if err != nil {
			t.Fatal(err)
		}
		nearRelative(t, "mean", stat.Mean(got, nil), c.mean)
		nearRelative(t, "p90", samplePercentile(got, .9), c.p90)
		nearRelative(t, "p99", samplePercentile(got, .99), c.p99)
	}
}

// TestClosedErlang: with exponential services, whoever asks finds all others
// before him, so his wait is a sum of exponential times; the values are by
// scipy: notebooks/values.py.
func TestClosedErlang(t *testing.T) {
	for _, c := range []struct {
		connections, servers int
		mean, p99            float64
	}{
		{1, 1, 1, 4.605170},
		{8, 1, 8, 15.999963},
		{8, 3, 2.666667, 6.631245},
	} {
		rng := rand.New(rand.NewPCG(6, uint64(c.servers)))
		got, err := ClosedQueue(c.connections, c.servers, queueRequests, 0, rng.ExpFloat64)
		if err != nil {
			t.Fatal(err)
		}
		nearRelative(t, "mean", stat.Mean(got, nil), c.mean)
		nearRelative(t, "p99", samplePercentile(got, .99), c.p99)
	}
}

func TestQueueBadInput(t *testing.T) {
	if _, err := OpenQueue([]float64{1}, []float64{1}, 0); !errors.Is(err, ErrEmptyQueue) {
		t.Error(err)
	}
	if _, err := OpenQueue([]float64{1, 2}, []float64{1}, 1); !errors.Is(err, ErrEmptyQueue) {
		t.Error(err)
	}
	if _, err := ClosedQueue(0, 1, 1, 0, nil); !errors.Is(err, ErrEmptyQueue) {
		t.Error(err)
	}
}

// TestTandem: constant services behind a constant delay come out, and with as
// many connections as fill the station the response is N services long.
func TestTandem(t *testing.T) {
	latencies := []int64{25_000, 25_000, 35_000, 15_000} // 15 µs of delay, 10 µs of service in the mean
	delay, services := Tandem(latencies, 1e5)
	if delay != 15_000 || !slices.Equal(services, []float64{10_000, 10_000, 20_000, 0}) {
		t.Errorf("delay %v, services %v", delay, services)
	}
	got, err := ClosedQueue(4, 1, 12, 15_000, func() float64 { return 10_000 })
	if err != nil || got[11] != 40_000 {
		t.Errorf("%v %v", got, err)
	}
	if got, _ := ClosedQueue(1, 1, 2, 15_000, func() float64 { return 10_000 }); got[1] != 25_000 {
		t.Errorf("alone: %v", got)
	}
	// A server that gains nothing from connections has no delay.
	if delay, services := Tandem([]int64{10, 30}, 1e9/20.0); delay != 0 || !slices.Equal(services, []float64{10, 30}) {
		t.Errorf("delay %v, services %v", delay, services)
	}
}
