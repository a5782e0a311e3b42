// SPDX-License-Identifier: Apache-2.0

// Package checksum computes the Internet checksum, RFC 1071.
package checksum

import (
	"encoding/binary"
	"math/bits"
)

// Sum adds the 16-bit words of b to s, in one's complement arithmetic. An odd
// byte counts as the first of a word. The sum is kept unfolded and in the
// machine's byte order; sums of pieces add up if all but the last are of even
// length.
func Sum(b []byte, s uint64) uint64 {
	var c uint64
	for len(b) >= 64 {
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b), 0)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[8:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[16:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[24:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[32:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[40:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[48:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[56:]), c)
		s += c
		b = b[64:]
	}
	for len(b) >= 8 {
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b), 0)
		s += c
		b = b[8:]
	}
	var last uint64
	if len(b) >= 4 {
		last = uint64(binary.LittleEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		last += uint64(binary.LittleEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		last += uint64(b[0])
	}
	return Add(s, last)
}

// Add adds two sums.
func Add(a, b uint64) uint64 {
	s, c := bits.Add64(a, b, 0)
	return s + c
}

// Fold brings a sum down to 16 bits. Its complement, stored in little-endian
// order, is the checksum; the sum over bytes that hold their own checksum
// folds to 0xffff.
func Fold(s uint64) uint16 {
	// Each step adds the halves of the number to each other, with the carry
	// that comes from the lower place into the upper.
	s += bits.RotateLeft64(s, 32)
	h := uint32(s >> 32)
	h += bits.RotateLeft32(h, 16)
	return uint16(h >> 16)
}

// Put stores the checksum that belongs to the sum.
func Put(b []byte, s uint64) { binary.LittleEndian.PutUint16(b, ^Fold(s)) }

// Word is a 16-bit number as it adds to a sum.
func Word(n uint16) uint64 { return uint64(bits.ReverseBytes16(n)) }
