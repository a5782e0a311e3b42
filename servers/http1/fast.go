// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"encoding/binary"
	"math/bits"
	"net/http"
)

// quickLine reads a request line that is whole and plain: GET, a path of
// characters that stand for themselves, HTTP/1.1. It returns its length with
// its end, or 0 for any other, which requestLine then reads.
func (s *Server) quickLine(q *request, b []byte) int {
	const get = 'G' | 'E'<<8 | 'T'<<16 | ' '<<24
	if len(b) < 16 || binary.LittleEndian.Uint32(b) != get || b[4] != '/' {
		return 0
	}
	i := 5
	for i < len(b) && class[b[i]]&target != 0 {
		i++
	}
	const version = "HTTP/1.1"
	if len(b)-i < 11 || i > MaxTarget || b[i] != ' ' || string(b[i+1:i+9]) != version || b[i+9] != '\r' || b[i+10] != '\n' {
		return 0
	}
	if q.doc = s.site.find(b[4:i]); q.doc != nil {
		q.status = http.StatusOK
	} else {
		q.status = http.StatusNotFound
	}
	return i + 11
}

// quickField reads a field line that is whole. It returns its length with its
// end, and whether it is sound; or 0 for one that has to be looked at more
// closely: the end of the head, a part of a line, a control character.
func (q *request) quickField(b []byte) (n int, ok bool) {
	for n < len(b) && class[b[n]]&token != 0 {
		n++
	}
	if n == 0 || n == len(b) || b[n] != ':' {
		return 0, false
	}
	name, from := b[:n], n+1
	if from < len(b) && b[from] == ' ' {
		from++
	}
	to := control(b, from)
	if len(b)-to < 2 || b[to] != '\r' || b[to+1] != '\n' || to-from > MaxField-256 {
		return 0, false
	}
	return to + 2, q.known(name, trim(b[from:to]))
}

// control returns where the first control character is from i on; len(b), if
// there is none. It looks at eight bytes at a time: the lowest mark is right,
// those above it may be false.
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
