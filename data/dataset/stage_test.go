// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestStagesReadBackExactly(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var want []Stage
	for i := range 2000 {
		s := Stage{Port: int32(i / 100), Offset: int64(i), Source: "tracepoints"}
		at := rng.Int64N(1e9) - 1e8 // the readiness probe comes before the origin
		for _, p := range s.Points() {
			if at += rng.Int64N(1e5); rng.IntN(3) > 0 && at != 0 { // 0 is for points not seen
				*p = at
			}
		}
		want = append(want, s)
	}
	want = append(want, Stage{Port: 99, Source: "server"}) // nothing was seen
	shuffled := slices.Clone(want)
	rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	var b bytes.Buffer
	if err := WriteStages(&b, shuffled); err != nil {
		t.Fatal(err)
	}
	got, err := ReadStages(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d stages read of %d, %v", len(got), len(want), err)
	}
	if err := WriteStages(&b, []Stage{{DeviceNs: 5, RecvNs: 4}}); !errors.Is(err, errOrder) {
		t.Errorf("out of order: %v", err)
	}
}
