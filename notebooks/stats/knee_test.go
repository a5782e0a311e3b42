// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var kneeLoads = []float64{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64}

// kneeCurve is the curve of a server that serves at most `knee` at once.
func kneeCurve(knee float64) ThroughputCurve {
	c := ThroughputCurve{N: kneeLoads}
	for _, n := range kneeLoads {
		c.X = append(c.X, 1000*min(n, knee))
	}
	return c
}

func TestKnownKnees(t *testing.T) {
	for _, truth := range []float64{3, 6, 10} {
		c := kneeCurve(truth)
		for _, m := range []KneeMethod{KneeMethods[0], KneeMethods[2]} {
			got, err := m.Find(c)
			if err != nil || math.Abs(got/truth-1) > 0.05 {
				t.Errorf("%s: %v (%v), the knee is at %v", m.Name, got, err, truth)
			}
		}
		if got, err := Kneedle(c); err != nil || got != truth {
			t.Errorf("Kneedle: %v (%v), the knee is at %v", got, err, truth)
		}
	}
}

// TestUSLRecovers: the law's own curve gives its own parameters back.
func TestUSLRecovers(t *testing.T) {
	for _, truth := range []USL{{1000, 0.1, 0.0001}, {5000, 0.02, 0.002}, {200, 0.3, 0}} {
		c := ThroughputCurve{N: kneeLoads}
		for _, n := range kneeLoads {
			c.X = append(c.X, truth.At(n))
		}
		got, err := FitUSL(c)
		if err != nil || math.Abs(got.Lambda/truth.Lambda-1) > .01 || math.Abs(got.Sigma-truth.Sigma) > .005 || math.Abs(got.Kappa-truth.Kappa) > .0005 {
			t.Errorf("%+v (%v), the truth is %+v", got, err, truth)
		}
	}
}

func TestNoKnee(t *testing.T) {
	straight := ThroughputCurve{N: kneeLoads}
	for _, n := range kneeLoads {
		straight.X = append(straight.X, 100*n)
	}
	if k, err := SegmentedKnee(straight); !errors.Is(err, ErrNoKnee) {
		t.Errorf("a straight line has a knee at %v (%v)", k, err)
	}
	flat := ThroughputCurve{N: kneeLoads, X: make([]float64, len(kneeLoads))}
	for i := range flat.X {
		flat.X[i] = 100
	}
	if k, err := Kneedle(flat); !errors.Is(err, ErrNoKnee) {
		t.Errorf("a flat line has a knee at %v (%v)", k, err)
	}
	for _, m := range KneeMethods {
		if _, err := m.Find(ThroughputCurve{N: []float64{1, 2}, X: []float64{1, 2}}); !errors.Is(err, ErrShortCurve) {
			t.Errorf("%s on two loads: %v", m.Name, err)
		}
		if _, err := m.Find(ThroughputCurve{N: []float64{1, 2, 3, 4}, X: []float64{1, math.NaN(), 3, 4}}); err == nil {
			t.Errorf("%s takes NaN", m.Name)
		}
	}
}

func TestIntervalHoldsTheKnee(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const truth = 8.0
	c := kneeCurve(truth)
	rates := make([][]float64, len(kneeLoads))
	for b := 0; b < 10; b++ {
		block := math.Exp(0.1 * rng.NormFloat64())
		for i := range kneeLoads {
			rates[i] = append(rates[i], c.X[i]*block*math.Exp(0.05*rng.NormFloat64()))
		}
	}
	knees := BootstrapKnees(kneeLoads, rates, Resampling{Draws: 200, Seed: 1, Level: .95})
	for _, k := range knees {
		if k.Err != nil || k.Method == "USL" { // the law is smooth, the truth is not
			continue
		}
		if truth < k.Lo*0.9 || truth > k.Hi*1.1 {
			t.Errorf("%s: %v [%v, %v], the knee is at %v", k.Method, k.Estimate, k.Lo, k.Hi, truth)
		}
	}
	again := BootstrapKnees(kneeLoads, rates, Resampling{Draws: 200, Seed: 1, Level: .95})
	for i := range knees {
		if knees[i] != again[i] {
			t.Errorf("the same seed gave %+v and %+v", knees[i], again[i])
		}
	}
	if knees := BootstrapKnees(nil, nil, Resampling{Draws: 10, Level: .95}); knees[0].Err == nil {
		t.Error("no data has a knee")
	}
}

// TestNoKneeAtTheEnds: kneed's issue 31, a falling curve: the first load is no
// knee.
func TestNoKneeAtTheEnds(t *testing.T) {
	falling := ThroughputCurve{N: []float64{1, 2, 4, 8, 16}, X: []float64{100, 60, 40, 30, 25}}
	if k, err := Kneedle(falling); k == 1 || k == 16 {
		t.Errorf("a falling curve has a knee at %v (%v)", k, err)
	}
}

// TestSaturationPointIsAtLeastOne: the rate with one connection is among those of
// which the greatest is taken.
func TestSaturationPointIsAtLeastOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	rates := make([][]float64, len(kneeLoads))
	for range 8 {
		for i := range kneeLoads {
			rates[i] = append(rates[i], 100*math.Exp(.3*rng.NormFloat64()-.05*float64(i)))
		}
	}
	k := KneeMethods[0].Bootstrap(kneeLoads, rates, Resampling{Draws: 1, Level: .95})
	if k.Err != nil || k.Estimate < 1 || k.Lo < 1 || k.Hi < k.Estimate {
		t.Errorf("%+v", k)
	}
}

// TestEachResample: there are as many as combinations with repetition, their
// probabilities sum to 1, and an interval of them is the same without a draw.
func TestEachResample(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 3, 3: 10, 6: 462} {
		count, sum := 0, 0.0
		eachResample(n, func(pick []int, weight float64) {
			count++
			sum += weight
			if len(pick) != n || !slices.IsSorted(pick) {
				t.Errorf("%v", pick)
			}
		})
		if count != want || math.Abs(sum-1) > 1e-12 {
			t.Errorf("%d units: %d resamples of weight %v", n, count, sum)
		}
	}
	// Of two units 0 and 1 the means are 0, 1/2 and 1, at 1/4, 1/2 and 1/4.
	var values, weights []float64
	eachResample(2, func(pick []int, weight float64) {
		values, weights = append(values, float64(pick[0]+pick[1])/2), append(weights, weight)
	})
	if lo, hi, found := weightedInterval(values, weights, .1); lo != 0 || hi != 1 || found != 1 {
		t.Errorf("[%v, %v], %v", lo, hi, found)
	}
	if lo, hi, _ := weightedInterval(values, weights, .3); lo != .5 || hi != .5 {
		t.Errorf("[%v, %v]", lo, hi)
	}
	if lo, _, found := weightedInterval([]float64{math.NaN(), 3}, []float64{.4, .6}, .1); lo != 3 || found != .6 {
		t.Errorf("%v, %v", lo, found)
	}
	rates := make([][]float64, len(kneeLoads))
	for i := range rates {
		for b := range 6 {
			rates[i] = append(rates[i], kneeCurve(8).X[i]*(1+.05*float64((i*7+b*3)%5)))
		}
	}
	for _, m := range KneeMethods[1:] {
		a, b := m.Bootstrap(kneeLoads, rates, Resampling{Draws: 10, Seed: 1, Level: .95}), m.Bootstrap(kneeLoads, rates, Resampling{Draws: 400, Seed: 2, Level: .95})
		if a != b {
			t.Errorf("%s: the seed changes %+v to %+v", m.Name, a, b)
		}
	}
}
