// SPDX-License-Identifier: Apache-2.0

package checksum

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// plain is RFC 1071 section 4.1 word by word.
func plain(b []byte) uint16 {
	var s uint32
	for i := 0; i < len(b); i += 2 {
		w := uint32(b[i]) << 8
		if i+1 < len(b) {
			w |= uint32(b[i+1])
		}
		s += w
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

func check(t *testing.T, b []byte) {
	t.Helper()
	var got [2]byte
	Put(got[:], Sum(b, 0))
	want := plain(b)
	if g := uint16(got[0])<<8 | uint16(got[1]); g != want {
		t.Fatalf("%d bytes: got %#x, want %#x", len(b), g, want)
	}
}

func TestSum(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		check(t, b)
		check(t, bytes.Repeat([]byte{0xff}, n))
		cut := rnd.IntN(n/2+1) * 2
		if a, c := Fold(Sum(b, 0)), Fold(Add(Sum(b[:cut], 0), Sum(b[cut:], 0))); a != c {
			t.Fatalf("pieces: %#x, whole: %#x", c, a)
		}
	}
}

func FuzzSum(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

func BenchmarkSum(b *testing.B) {
	buf := make([]byte, 1460)
	b.SetBytes(1460)
	for b.Loop() {
		Sum(buf, 0)
	}
}
