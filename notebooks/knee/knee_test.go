package knee

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"crossing/notebooks/bootstrap"
)

var loads = []float64{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64}

// served is the curve of a server that serves at most `knee` at once.
func served(knee float64) Curve {
	c := Curve{N: loads}
	for _, n := range loads {
		c.X = append(c.X, 1000*min(n, knee))
	}
	return c
}

func TestKnownKnees(t *testing.T) {
	for _, truth := range []float64{3, 6, 10} {
		c := served(truth)
		for _, m := range []Method{Methods[0], Methods[2]} {
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
		c := Curve{N: loads}
		for _, n := range loads {
			c.X = append(c.X, truth.At(n))
		}
		got, err := FitUSL(c)
		if err != nil || math.Abs(got.Lambda/truth.Lambda-1) > .01 || math.Abs(got.Sigma-truth.Sigma) > .005 || math.Abs(got.Kappa-truth.Kappa) > .0005 {
			t.Errorf("%+v (%v), the truth is %+v", got, err, truth)
		}
	}
}

func TestNoKnee(t *testing.T) {
	straight := Curve{N: loads}
	for _, n := range loads {
		straight.X = append(straight.X, 100*n)
	}
	if k, err := Segmented(straight); !errors.Is(err, ErrNone) {
		t.Errorf("a straight line has a knee at %v (%v)", k, err)
	}
	flat := Curve{N: loads, X: make([]float64, len(loads))}
	for i := range flat.X {
		flat.X[i] = 100
	}
	if k, err := Kneedle(flat); !errors.Is(err, ErrNone) {
		t.Errorf("a flat line has a knee at %v (%v)", k, err)
	}
	for _, m := range Methods {
		if _, err := m.Find(Curve{N: []float64{1, 2}, X: []float64{1, 2}}); !errors.Is(err, ErrShort) {
			t.Errorf("%s on two loads: %v", m.Name, err)
		}
		if _, err := m.Find(Curve{N: []float64{1, 2, 3, 4}, X: []float64{1, math.NaN(), 3, 4}}); err == nil {
			t.Errorf("%s takes NaN", m.Name)
		}
	}
}

func TestIntervalHoldsTheKnee(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const truth = 8.0
	c := served(truth)
	rates := make([][]float64, len(loads))
	for b := 0; b < 10; b++ {
		block := math.Exp(0.1 * rng.NormFloat64())
		for i := range loads {
			rates[i] = append(rates[i], c.X[i]*block*math.Exp(0.05*rng.NormFloat64()))
		}
	}
	knees := Bootstrap(loads, rates, bootstrap.Plan{Draws: 200, Seed: 1, Level: .95})
	for _, k := range knees {
		if k.Err != nil || k.Method == "USL" { // the law is smooth, the truth is not
			continue
		}
		if truth < k.Lo*0.9 || truth > k.Hi*1.1 {
			t.Errorf("%s: %v [%v, %v], the knee is at %v", k.Method, k.Estimate, k.Lo, k.Hi, truth)
		}
	}
	again := Bootstrap(loads, rates, bootstrap.Plan{Draws: 200, Seed: 1, Level: .95})
	for i := range knees {
		if knees[i] != again[i] {
			t.Errorf("the same seed gave %+v and %+v", knees[i], again[i])
		}
	}
	if knees := Bootstrap(nil, nil, bootstrap.Plan{Draws: 10, Level: .95}); knees[0].Err == nil {
		t.Error("no data has a knee")
	}
}
