// SPDX-License-Identifier: Apache-2.0

package stats

import (
	"errors"
	"testing"
)

// Compared against scipy's kendalltau (values.py).
func TestKendallAgainstScipy(t *testing.T) {
	for _, c := range []struct {
		x, y []float64
		want float64
	}{
		{[]float64{1, 2, 3, 4}, []float64{1, 3, 2, 4}, 2. / 3},
		{[]float64{1, 2, 2, 3}, []float64{1, 2, 3, 3}, 0.8},
		{[]float64{4, 3, 2, 1}, []float64{1, 2, 3, 4}, -1},
		{[]float64{12, 2, 1, 12, 2}, []float64{1, 4, 7, 1, 0}, -0.4714045207910316},
	} {
		tau, err := Kendall(c.x, c.y)
		if err != nil {
			t.Error(err)
		}
		near(t, "tau", tau, c.want, 1e-12)
	}
	for _, y := range [][]float64{{5, 5, 5}, nil} {
		if tau, err := Kendall([]float64{1, 2, 3}[:len(y)], y); !errors.Is(err, ErrConstant) {
			t.Errorf("a constant: %v, %v", tau, err)
		}
	}
}
