// SPDX-License-Identifier: Apache-2.0

package load

import "bytes"

// maxHead is the longest header section that a response may have. It bounds
// what a server that never ends its header can make the client keep.
const maxHead = 16 << 10

// A verdict is what the reader says of the bytes so far.
type verdict uint8

const (
	more      verdict = iota // the response is not whole
	whole                    // the response ended
	malformed                // these bytes are no HTTP/1.1 response
)

// Framings other than a Content-Length (RFC 9112 section 6.3).
const (
	chunked    = -1
	untilClose = -2
)

// A head is what a header section says that matters to a client that throws
// bodies away.
type head struct {
	length int64 // of the body; or chunked, untilClose
	size   int   // of the header section in bytes
	status uint16
	closes bool // it says "Connection: close"
	last   bool // the connection ends with this response
}

// A reader reads the responses of one connection, in order, from pieces cut at
// any byte. Bodies are counted, not kept.
type reader struct {
	left   int64 // bytes of body or chunk still to come
	bytes  int64 // bytes of body so far
	head   head
	stage  stage
	digits uint8  // of the chunk size so far
	line   uint16 // length of the trailer line or chunk extension so far
	split  []byte // a header section of which only the beginning has come
}

// A stage says what the next byte belongs to.
type stage uint8

const (
	inHead stage = iota
	inBody
	inRest // until the connection closes
	inChunkSize
	inChunkExtension
	inChunkSizeEnd
	inChunk
	inChunkEnd
	inChunkEndLF
	inTrailer
	inTrailerEnd
)

// A memory is the last header section that was read, byte for byte, with its
// meaning. Most servers repeat themselves until their clock ticks, and comparing
// is twenty times faster than reading.
type memory struct {
	text []byte
	head head
}

// read takes the next bytes of the connection and returns how many of them
// belong to the present response. After whole, the next call begins a new one.
func (r *reader) read(b []byte, m *memory) (used int, v verdict) {
	if r.stage == inHead {
		if len(r.split) == 0 && len(m.text) > 0 && len(b) >= len(m.text) && bytes.Equal(b[:len(m.text)], m.text) {
			r.head, used = m.head, m.head.size
		} else {
			for v = more; v == more; {
				n := 0
				n, v = r.readHead(b[used:], m)
				if used += n; v == malformed || v == more && used == len(b) {
					return used, v
				}
			}
		}
		r.bytes, r.left = 0, r.head.length
		switch {
		case r.left == 0:
			return used, whole
		case r.left > 0:
			r.stage = inBody
		case r.left == chunked:
			r.stage, r.left, r.digits, r.line = inChunkSize, 0, 0, 0
		default:
			r.stage = inRest
		}
	}
	n, v := r.readBody(b[used:])
	return used + n, v
}

// end tells the reader that the connection was closed by the peer.
func (r *reader) end() verdict {
	if r.stage == inRest {
		r.stage = inHead
		return whole
	}
	return more
}

// reset makes the reader fit for a new connection.
func (r *reader) reset() {
	r.stage, r.split = inHead, r.split[:0]
}

// readHead reads a header section, and whatever interim ones come before it.
func (r *reader) readHead(b []byte, m *memory) (used int, v verdict) {
	text, kept := b, len(r.split)
	if kept > 0 {
		if len(r.split)+len(b) > cap(r.split) {
			b = b[:cap(r.split)-len(r.split)]
		}
		r.split = append(r.split, b...)
		text = r.split
	}
	skipped := 0
	for {
		h, v := parseHead(text[skipped:])
		switch {
		case v == whole && h.status < 200:
			skipped += h.size
			continue
		case v == whole:
			r.head, r.split = h, r.split[:0]
			if kept+skipped == 0 && h.size <= cap(m.text) {
				m.text = append(m.text[:0], text[:h.size]...)
				m.head = h
			}
			return skipped + h.size - kept, whole
		case v == more && len(text)-skipped < maxHead:
			if kept == 0 {
				r.split = append(r.split[:0], text[skipped:]...)
			} else if skipped > 0 {
				r.split = r.split[:copy(r.split, r.split[skipped:])]
			}
			return len(b), more
		default:
			return 0, malformed
		}
	}
}

func (r *reader) readBody(b []byte) (used int, v verdict) {
	for used < len(b) {
		switch r.stage {
		case inBody, inChunk:
			n := min(r.left, int64(len(b)-used))
			r.left -= n
			r.bytes += n
			used += int(n)
			if r.left == 0 {
				if r.stage == inBody {
					r.stage = inHead
					return used, whole
				}
				r.stage = inChunkEnd
			}
			continue
		case inRest:
			r.bytes += int64(len(b) - used)
			return len(b), more
		}
		if !r.readChunkMark(b[used]) {
			return used, malformed
		}
		used++
		if r.stage == inHead {
			return used, whole
		}
	}
	return used, more
}

// readChunkMark reads one byte of what stands around chunks (RFC 9112 section
// 7.1), and reports whether it may stand there.
func (r *reader) readChunkMark(c byte) bool {
	const longest = 4 << 10 // of an extension or a trailer line
	switch r.stage {
	case inChunkSize:
		if d, ok := hex(c); ok && r.digits < 15 {
			r.left = r.left<<4 | int64(d)
			r.digits++
			return true
		}
		switch {
		case r.digits == 0:
			return false
		case c == '\r':
			r.stage = inChunkSizeEnd
		case c == ';' || c == ' ' || c == '\t':
			r.stage, r.line = inChunkExtension, 0
		default:
			return false
		}
	case inChunkExtension:
		if r.line++; c == '\n' || r.line > longest {
			return false
		}
		if c == '\r' {
			r.stage = inChunkSizeEnd
		}
	case inChunkSizeEnd:
		if c != '\n' {
			return false
		}
		r.digits, r.line = 0, 0
		if r.stage = inChunk; r.left == 0 {
			r.stage = inTrailer
		}
	case inChunkEnd:
		if c != '\r' {
			return false
		}
		r.stage = inChunkEndLF
	case inChunkEndLF:
		if c != '\n' {
			return false
		}
		r.stage = inChunkSize
	case inTrailer:
		if c == '\r' {
			r.stage = inTrailerEnd
			return true
		}
		if r.line++; c == '\n' || r.line > longest {
			return false
		}
	case inTrailerEnd:
		if c != '\n' {
			return false
		}
		if r.stage = inTrailer; r.line == 0 {
			r.stage = inHead // the empty line that ends the message
		}
		r.line = 0
	}
	return true
}

// parseHead reads the header section at the start of b (RFC 9112 sections 2 to
// 6). It asks for more only while b can still become one.
func parseHead(b []byte) (h head, v verdict) {
	const shortest = len("HTTP/1.1 200")
	const start = "HTTP/1."
	if n := min(len(b), len(start)); string(b[:n]) != start[:n] {
		return h, malformed
	}
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if i := bytes.IndexByte(b, '\n'); i == 0 || i > 0 && b[i-1] != '\r' {
			return h, malformed // a bare line feed never ends a line here
		}
		return h, more
	}
	if end < shortest || end+4 > maxHead {
		return h, malformed
	}
	minor := b[7]
	if minor != '0' && minor != '1' || b[8] != ' ' || (b[12] != ' ' && b[12] != '\r') {
		return h, malformed
	}
	for _, c := range b[9:12] {
		if c < '0' || c > '9' {
			return h, malformed
		}
		h.status = h.status*10 + uint16(c-'0')
	}
	if h.status < 100 || h.status > 599 || h.status == 101 { // no upgrade was asked for
		return h, malformed
	}
	h.size, h.length, h.last = end+4, untilClose, minor == '0'
	rest := b[:end+2]
	if !skipLine(&rest) {
		return h, malformed
	}
	for len(rest) > 0 {
		line := rest
		if !skipLine(&rest) || !h.field(line[:len(line)-len(rest)-2]) {
			return h, malformed
		}
	}
	if minor == '0' && h.length == chunked {
		return h, malformed // HTTP/1.0 has no chunks: section 6.1
	}
	switch {
	case h.status < 200:
		h.length = 0
		return h, whole
	case h.status == 204 || h.status == 304:
		h.length = 0
	case h.length == untilClose:
		h.last = true
	}
	return h, whole
}

// skipLine takes the first line off b and reports whether it ended in CR LF with
// no other CR, LF or NUL within.
func skipLine(b *[]byte) bool {
	i := bytes.IndexByte(*b, '\n')
	if i < 1 || (*b)[i-1] != '\r' || bytes.IndexByte((*b)[:i-1], '\r') >= 0 || bytes.IndexByte((*b)[:i], 0) >= 0 {
		return false
	}
	*b = (*b)[i+1:]
	return true
}

// field takes one header field into account and reports whether it is well formed.
func (h *head) field(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return false
	}
	name, value := line[:colon], bytes.Trim(line[colon+1:], " \t")
	for _, c := range name {
		if !tokenByte(c) {
			return false // also a space before the colon, and obsolete folding
		}
	}
	switch len(name) { // most names are told apart by their length
	case len("Connection"):
		if bytes.EqualFold(name, []byte("Connection")) {
			h.closes = h.closes || hasToken(value, "close")
			h.last = h.closes || h.last && !hasToken(value, "keep-alive")
		}
	case len("Content-Length"):
		if bytes.EqualFold(name, []byte("Content-Length")) {
			n, ok := decimal(value)
			if !ok || h.length != untilClose && h.length != n {
				return false
			}
			h.length = n
		}
	case len("Transfer-Encoding"):
		if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			// Both framings at once are an attack or an error: section 6.3, rule 3.
			if h.length != untilClose || !bytes.EqualFold(value, []byte("chunked")) {
				return false
			}
			h.length = chunked
		}
	}
	return true
}

func hasToken(list []byte, token string) bool {
	for len(list) > 0 {
		var one []byte
		one, list, _ = bytes.Cut(list, []byte(","))
		if bytes.EqualFold(bytes.Trim(one, " \t"), []byte(token)) {
			return true
		}
	}
	return false
}

func decimal(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

func hex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// tokenByte reports whether c may stand in a field name (RFC 9110 section 5.6.2).
func tokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) >= 0
}

// partial is the length of the body so far of a response that is not whole.
func (r *reader) partial() int64 {
	if r.stage == inHead {
		return 0
	}
	return r.bytes
}
