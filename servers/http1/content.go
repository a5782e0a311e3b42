// SPDX-License-Identifier: Apache-2.0

package http1

// A content follows the content of a request, RFC 9112 sections 6 and 7, to
// find where the next request starts. What it says is not looked at. The zero
// value is no content.
type content struct {
	left  int64 // bytes to come: of the content, or of the chunk
	line  int   // bytes of a line seen: chunk extensions and trailers
	state chunkState
}

// chunkState is the place within a chunked content.
type chunkState uint8

const (
	notChunked  chunkState = iota
	chunkSize              // in the hexadecimal size; line counts its digits
	chunkExt               // in the rest of that line
	chunkLF                // before the LF that ends it
	chunkData              // left bytes to come
	chunkCR                // after them, before CR
	chunkEnd               // before LF
	trailer                // at the start of, or in, a trailer field
	trailerLF              // before the LF that ends it
	trailerOver            // before the last LF of all
)

// any tells whether content is still to come.
func (c *content) any() bool { return c.left != 0 || c.state != notChunked }

// discard takes content off the front of b and returns how much; not ok: it
// cannot be followed.
func (c *content) discard(b []byte) (n int, ok bool) {
	if c.state == notChunked {
		return c.skip(b), true
	}
	for n < len(b) && c.state != notChunked {
		if c.state == chunkData {
			n += c.skip(b[n:])
			if c.left == 0 {
				c.state = chunkCR
			}
			continue
		}
		if !c.step(b[n]) {
			return n, false
		}
		n++
	}
	return n, true
}

func (c *content) skip(b []byte) int {
	n := int(min(int64(len(b)), c.left))
	c.left -= int64(n)
	return n
}

// step takes one byte of the chunked coding's own.
func (c *content) step(x byte) bool {
	switch c.state {
	case chunkSize:
		if class[x]&hex != 0 {
			c.left = c.left<<4 | int64(unhex(x))
			c.line++
			return c.line <= 15
		}
		if c.line == 0 {
			return false
		}
		c.line = 0
		switch x {
		case '\r':
			c.state = chunkLF
		case ';', ' ', '\t':
			c.state = chunkExt
		default:
			return false
		}
	case chunkExt:
		if x == '\r' {
			c.state = chunkLF
		}
		return c.within(x)
	case chunkLF:
		c.line = 0
		c.state = chunkData
		if c.left == 0 {
			c.state = trailer
		}
		return x == '\n'
	case chunkCR:
		c.state = chunkEnd
		return x == '\r'
	case chunkEnd:
		c.state = chunkSize
		return x == '\n'
	case trailer:
		if x == '\r' {
			c.state = trailerLF
			if c.line == 0 {
				c.state = trailerOver
			}
			c.line = 0
			return true
		}
		return c.within(x)
	case trailerLF:
		c.state = trailer
		return x == '\n'
	case trailerOver:
		*c = content{}
		return x == '\n'
	}
	return true
}

// within counts the bytes of a line that is passed over. A bare LF in it is
// refused as everywhere.
func (c *content) within(x byte) bool {
	c.line++
	return x != '\n' && c.line <= MaxField
}
