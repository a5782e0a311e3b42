// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"crossing/data/dataset"
)

// planted makes a run whose slowest requests are slow in one part only.
func planted(seed uint64, cause int, n int) ([]dataset.Request, []dataset.Stage) {
	rng := rand.New(rand.NewPCG(seed, 0))
	var requests []dataset.Request
	var stages []dataset.Stage
	for i := range n {
		q := dataset.Request{Port: 9, Offset: int64(i), SentNs: int64(i) * 1e6, Status: 200}
		s := dataset.Stage{Port: 9, Offset: int64(i)}
		now := q.SentNs
		for p, at := range []*int64{&s.DeviceNs, &s.TCPNs, &s.ReadyNs, &s.WokenNs, &s.OnCPUNs, &s.RecvNs, &s.SendNs, &s.FirstNs, &s.LastNs, &q.LastByteNs} {
			now += 1000 + rng.Int64N(200)
			if p == cause && i%50 == 0 {
				now += 500_000
			}
			*at = now
		}
		q.IntendedNs, q.FirstByteNs = q.SentNs, q.LastByteNs
		requests, stages = append(requests, q), append(stages, s)
	}
	return requests, stages
}

func TestPlantedCauseIsFirst(t *testing.T) {
	for cause := range Names {
		var runs []Joined
		for seed := range uint64(5) {
			j, err := Join(planted(seed, cause, 3000))
			if err != nil {
				t.Fatal(err)
			}
			runs = append(runs, j)
		}
		shares, err := Shares(runs, 0.99, 1)
		if err != nil {
			t.Fatal(err)
		}
		best := 0
		for p := range shares {
			if shares[p].Estimate > shares[best].Estimate {
				best = p
			}
		}
		if best != cause || shares[cause].Lo < 0.9 {
			t.Errorf("planted %s, first is %s (%v)", Names[cause], shares[best].Part, shares[best].Interval)
		}
		all, err := Shares(runs, 0.25, 0.75)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, s := range all {
			sum += s.Estimate
		}
		if math.Abs(sum-1) > 1e-9 || all[cause].Estimate > 0.2 {
			t.Errorf("the middle half: shares sum to %v, the cause has %v", sum, all[cause].Interval)
		}
	}
}

func TestPartsSumToTheServiceTime(t *testing.T) {
	requests, stages := planted(1, 3, 100)
	stages[5].WokenNs, stages[5].OnCPUNs, stages[6].DeviceNs = 0, 0, 0 // not seen
	j, err := Join(requests, stages)
	if err != nil {
		t.Fatal(err)
	}
	for i, parts := range j.Parts {
		sum := int64(0)
		for _, v := range parts {
			sum += v
		}
		if sum != j.Total[i] {
			t.Errorf("request %d: parts sum to %d, total %d", i, sum, j.Total[i])
		}
	}
}

func TestTooFew(t *testing.T) {
	j, err := Join(planted(1, 0, 50))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Shares([]Joined{j}, 0.99, 1); !errors.Is(err, ErrFew) {
		t.Errorf("got %v", err)
	}
	if _, err := Shares(nil, 0, 1); !errors.Is(err, ErrFew) {
		t.Errorf("no runs: %v", err)
	}
}

// TestExcessIsWhereTheTimeIs: queueing makes the slow requests slow, and the last
// part, which is short, grows by the greater factor: the excess is in the queue.
func TestExcessIsWhereTheTimeIs(t *testing.T) {
	queue, wire := 5, 9
	var j Joined
	for i := range 2000 {
		p := Parts{}
		for k := range p {
			p[k] = 1000
		}
		p[queue] = 100_000
		if i%100 == 0 {
			p[queue], p[wire] = 400_000, 60_000
		}
		total := int64(0)
		for _, v := range p {
			total += v
		}
		j.Parts, j.Total = append(j.Parts, p), append(j.Total, total)
	}
	shares, total, err := Excess([]Joined{j})
	if err != nil || math.Abs(total-359_000) > 1 || math.Abs(shares[queue]-300./359) > 1e-9 || math.Abs(shares[wire]-59./359) > 1e-9 {
		t.Errorf("%v of %v ns (%v)", shares, total, err)
	}
	// A run without a slowest band is in neither band.
	few := Joined{Total: j.Total[:500], Parts: j.Parts[:500]}
	if got := InBoth([]Joined{few, j}); len(got) != 1 || len(got[0].Total) != 2000 {
		t.Errorf("%d runs", len(got))
	}
}

// TestNegativePart: the stages of another request under the same key are found.
func TestNegativePart(t *testing.T) {
	requests, stages := planted(1, 3, 100)
	stages[7].LastNs += 1e9
	if _, err := Join(requests, stages); !errors.Is(err, ErrNegative) {
		t.Errorf("a part of -1 s: %v", err)
	}
}
