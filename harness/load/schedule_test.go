// SPDX-License-Identifier: Apache-2.0

package load

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSchedules(t *testing.T) {
	for _, s := range []Schedule{Poisson{5000}, Fixed{5000}} {
		times, err := s.Times(4*time.Second, 7)
		if err != nil {
			t.Fatal(err)
		}
		if n := float64(len(times)); math.Abs(n-20000) > 5*math.Sqrt(20000) {
			t.Errorf("%v: %g arrivals in 4 s", s, n)
		}
		if !slices.IsSorted(times) || times[0] < 0 || times[len(times)-1] >= 4e9 {
			t.Errorf("%v: from %d to %d", s, times[0], times[len(times)-1])
		}
		again, _ := s.Times(4*time.Second, 7)
		if !slices.Equal(times, again) {
			t.Errorf("%v: the same seed gave other times", s)
		}
	}
	a, _ := Poisson{100}.Times(time.Second, 1)
	b, _ := Poisson{100}.Times(time.Second, 2)
	if slices.Equal(a, b) {
		t.Error("another seed gave the same times")
	}
	for _, s := range []Schedule{Poisson{0}, Fixed{-1}, Poisson{math.NaN()}, Fixed{math.Inf(1)}, Poisson{1e12}} {
		if _, err := s.Times(time.Second, 1); err == nil {
			t.Errorf("%v: no error", s)
		}
	}
}

func TestReadTrace(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []time.Duration // nil: an error
	}{
		{"0\n0.5\n1.000000001\n", []time.Duration{0, 5e8, 1000000001}},
		{"# arrivals\n\n 0.25 , GET /\n0.25\n", []time.Duration{25e7, 25e7}},
		{"1e-3", []time.Duration{1e6}},
		{"", nil},
		{"# nothing\n", nil},
		{"1\n0.5\n", nil},
		{"-1\n", nil},
		{"NaN\n", nil},
		{"Inf\n", nil},
		{"86400\n", nil},
		{"soon\n", nil},
		{strings.Repeat("1", 1<<20), nil},
	} {
		got, err := ReadTrace("t", strings.NewReader(test.in))
		if (err == nil) != (test.want != nil) || err == nil && !slices.Equal(got.At, test.want) {
			t.Errorf("%.20q: %v, %v; want %v", test.in, got, err, test.want)
		}
	}
	tr := &Trace{At: []time.Duration{0, time.Second, 2 * time.Second}}
	if times, err := tr.Times(1500*time.Millisecond, 0); err != nil || !slices.Equal(times, []int64{0, 1e9}) {
		t.Errorf("cut trace: %v, %v", times, err)
	}
	if _, err := (&Trace{At: []time.Duration{time.Hour}}).Times(time.Second, 0); err == nil {
		t.Error("a trace that begins after the end: no error")
	}
}

func FuzzReadTrace(f *testing.F) {
	f.Add("0\n0.5\n# x\n1.5,y\n")
	f.Fuzz(func(t *testing.T, s string) {
		tr, err := ReadTrace("t", strings.NewReader(s))
		if err != nil {
			return
		}
		if len(tr.At) == 0 || !slices.IsSorted(tr.At) || tr.At[0] < 0 || tr.At[len(tr.At)-1] >= 24*time.Hour+1 {
			t.Fatalf("%v", tr.At)
		}
	})
}
