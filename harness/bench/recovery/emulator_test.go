// SPDX-License-Identifier: Apache-2.0

package main

import (
	"container/heap"
	"math/bits"
	"math/rand/v2"
	"testing"
	"time"
)

// pass gives a direction 10000 frames, one per millisecond, each with its number,
// and returns them as they come out, with the time that each took.
func pass(c conditions) (numbers []int, took []time.Duration, wrong int) {
	d := &direction{conditions: c, rnd: rand.New(rand.NewPCG(1, 1))}
	start := time.Unix(0, 0)
	sent := map[int]time.Time{}
	out := func(now time.Time) {
		for len(d.queue) > 0 && !d.queue[0].at.After(now) {
			f := heap.Pop(&d.queue).(due)
			bad := 0
			for _, b := range f.frame[20:] {
				bad += bits.OnesCount8(b)
			}
			wrong += bad
			n := int(f.frame[14])<<8 | int(f.frame[15])
			numbers = append(numbers, n)
			took = append(took, f.at.Sub(sent[n]))
		}
	}
	for n := range 10000 {
		now := start.Add(time.Duration(n) * time.Millisecond)
		f := make([]byte, 1020)
		f[12], f[13], f[14], f[15] = 8, 0, byte(n>>8), byte(n)
		sent[n] = now
		d.take(f, now)
		out(now)
	}
	out(start.Add(time.Hour))
	return numbers, took, wrong
}

func TestConditions(t *testing.T) {
	near := func(what string, got, want int) {
		t.Helper()
		if got < want*8/10 || got > want*12/10 {
			t.Errorf("%s: %d of 10000, want about %d", what, got, want)
		}
	}
	if numbers, took, wrong := pass(conditions{delay: 5 * time.Millisecond}); len(numbers) != 10000 || wrong != 0 {
		t.Errorf("clean: %d frames, %d wrong bits", len(numbers), wrong)
	} else {
		for i, n := range numbers {
			if n != i || took[i] != 5*time.Millisecond {
				t.Fatalf("clean: frame %d at %d after %v", n, i, took[i])
			}
		}
	}
	numbers, _, _ := pass(conditions{loss: .03})
	near("lost", 10000-len(numbers), 300)
	numbers, _, _ = pass(conditions{duplicate: .05})
	near("twice", len(numbers)-10000, 500)
	_, _, wrong := pass(conditions{corrupt: .1})
	near("corrupt", wrong, 1000)
	numbers, _, _ = pass(conditions{delay: 5 * time.Millisecond, reorder: .1})
	overtaken := 0
	for i := range numbers[1:] {
		if numbers[i] > numbers[i+1] {
			overtaken++
		}
	}
	near("overtaking", overtaken, 1000)
	_, took, _ := pass(conditions{delay: time.Millisecond, after: 4000, becomes: 20 * time.Millisecond})
	if took[3999] != time.Millisecond || took[len(took)-1] != 20*time.Millisecond {
		t.Errorf("the path takes %v, then %v", took[3999], took[len(took)-1])
	}
}
