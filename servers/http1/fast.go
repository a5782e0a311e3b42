// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"encoding/binary"
	"math/bits"
	"net/http"
)

// fastRequestLine parses a complete and plain request line: GET, a path of
// characters that are not encoded, HTTP/1.1. It returns its length with its end,
// or 0 for any other, which requestLine then parses.
func (s *Server) fastRequestLine(q *request, b []byte) int {
	const get = 'G' | 'E'<<8 | 'T'<<16 | ' '<<24
	if len(b) < 16 || binary.LittleEndian.Uint32(b) != get || b[4] != '/' {
		return 0
	}
	i := 5
	for i < len(b) && class[b[i]]&target != 0 {
		i++
	}
	if len(b)-i < 11 || i > MaxTarget || b[i] != ' ' || string(b[i+1:i+9]) != http11 || b[i+9] != '\r' || b[i+10] != '\n' {
		return 0
	}
	if q.doc = s.site.find(b[4:i]); q.doc != nil {
		q.status = http.StatusOK
	} else {
		q.status = http.StatusNotFound
	}
	return i + 11
}

// fastField splits a complete field line without control characters. It returns
// its length with its end, or 0 for any other line, which field then parses: the
// end of the header section, an incomplete line, a control character.
func fastField(b []byte) (name, value []byte, end int) {
	n := 0
	for n < len(b) && class[b[n]]&token != 0 {
		n++
	}
	if n == 0 || n == len(b) || b[n] != ':' {
		return nil, nil, 0
	}
	to := control(b, n+1)
	if len(b)-to < 2 || b[to] != '\r' || b[to+1] != '\n' {
		return nil, nil, 0
	}
	return b[:n], trim(b[n+1 : to]), to + 2
}

// control returns the index of the first control character at or after i, or
// len(b). It looks at eight bytes at a time: the lowest mark is exact, those
// above it may be false.
func control(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(b)-i >= 8; i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		del := x ^ 0x7f*ones
		if m := ((x-0x20*ones)&^x | (del-ones)&^del) & tops; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for ; i < len(b); i++ {
		if b[i] < ' ' || b[i] == 0x7f {
			return i
		}
	}
	return i
}
