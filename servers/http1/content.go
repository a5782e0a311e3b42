// SPDX-License-Identifier: Apache-2.0

package http1

// A content skips the content of a request, RFC 9112 sections 6 and 7, to find
// the start of the next request. The zero value is no content.
type content struct {
	left  int64 // bytes to skip: of the content, or of the chunk
	line  int   // bytes of the current line seen
	state chunkState
}

// chunkState is the position within chunked content.
type chunkState uint8

const (
	notChunked   chunkState = iota
	chunkSize               // in chunk-size; line counts its digits
	chunkExt                // in chunk-ext
	chunkLF                 // before the LF that ends it
	chunkData               // left bytes follow
	chunkCR                 // after them, before CR
	chunkEnd                // before LF
	trailer                 // at the start of, or in the name of, a trailer field
	trailerValue            // in its value
	trailerLF               // before the LF that ends it
	lastLF                  // before the LF that ends the content
)

// pending reports whether content is still to be skipped.
func (c *content) pending() bool { return c.left != 0 || c.state != notChunked }

// discard skips content at the front of b and returns the number of bytes, and
// whether they are valid.
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

// step parses one byte of the chunked coding and reports whether it is valid.
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
			empty := c.line == 0
			c.line = 0
			if empty {
				c.state = lastLF
			}
			return empty // a field has a colon
		}
		if x == ':' && c.line > 0 {
			c.state = trailerValue
			return true
		}
		c.line++
		return class[x]&token != 0 && c.line <= MaxField
	case trailerValue:
		if x == '\r' {
			c.state = trailerLF
			c.line = 0
			return true
		}
		return c.within(x)
	case trailerLF:
		c.state = trailer
		return x == '\n'
	case lastLF:
		*c = content{}
		return x == '\n'
	}
	return true
}

// within counts a byte of a chunk extension or trailer value, and reports whether
// it may be there: a control character may not (RFC 9110 section 5.5), so neither
// may a bare LF.
func (c *content) within(x byte) bool {
	c.line++
	return (x >= ' ' && x != 0x7f || x == '\t' || x == '\r') && c.line <= MaxField
}
