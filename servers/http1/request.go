// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"
	"encoding/binary"
	"net/http"
)

// A request is what the lines of a request's head have said so far. The zero
// value has seen none.
type request struct {
	next   int   // offset of the first line that was not read, from the request's start
	length int64 // Content-Length
	doc    *document
	status int // what the request line asks for: 200, or what speaks against it
	said   said
}

// said is a set of facts about a request.
type said uint8

const (
	saidHead      said = 1 << iota // method HEAD
	saidOld                        // HTTP/1.0
	saidHost                       // a Host field
	saidClose                      // close the connection
	saidKeepAlive                  // keep it, in an HTTP/1.0 request
	saidLength                     // a Content-Length field
	saidChunked                    // Transfer-Encoding: chunked
	saidExpect                     // Expect: 100-continue
)

// endsStream is added to a status after which the stream cannot be read on:
// where the next request starts is not known for certain.
const endsStream = 1000

const (
	bad     = endsStream + http.StatusBadRequest
	tooLong = endsStream + http.StatusRequestHeaderFieldsTooLarge
)

// read reads the head of a request at the front of b, from where the last call
// stopped. It returns the head's length and the status of the answer, or 0, 0
// when the head is not whole yet.
func (s *Server) read(q *request, b []byte) (int, int) {
	p := q.next
	if p == 0 {
		p = s.quickLine(q, b)
	}
	if p == 0 {
		if len(b) > 0 && class[b[0]]&token == 0 && b[0] != '\r' && b[0] != '\n' {
			return len(b), bad // not HTTP at all; a whole line might never come
		}
		for len(b)-p >= 2 && b[p] == '\r' && b[p+1] == '\n' {
			if p += 2; p > 16 { // RFC 9112 section 2.2: some, for old clients
				return len(b), bad
			}
		}
		line, ok := cut(b[p:])
		if line == nil {
			if len(b)-p > MaxTarget+len("OPTIONS  HTTP/1.1\r\n") {
				return len(b), endsStream + http.StatusRequestURITooLong
			}
			return 0, 0
		}
		if !ok {
			return len(b), bad
		}
		if q.status = s.requestLine(q, line); q.status >= endsStream {
			return len(b), q.status
		}
		p += len(line) + 2
	}
	for {
		if n, ok := q.quickField(b[p:]); n > 0 {
			if p += n; !ok {
				return len(b), bad
			}
			if p > MaxHead {
				return len(b), tooLong
			}
			continue
		}
		line, ok := cut(b[p:])
		if line == nil {
			q.next = p
			if len(b) >= MaxHead || len(b)-p > MaxField {
				return len(b), tooLong
			}
			return 0, 0
		}
		if !ok {
			return len(b), bad
		}
		p += len(line) + 2
		if p > MaxHead || len(line) > MaxField {
			return len(b), tooLong
		}
		if len(line) == 0 {
			return p, q.verdict()
		}
		if !q.field(line) {
			return len(b), bad
		}
	}
}

// cut returns the first line of b without its end, and whether it ended in
// CRLF as it must: RFC 9112 section 2.2 lets a server take a bare LF too, but
// then two readers may find different requests. It returns nil when the line
// is not whole.
func cut(b []byte) (line []byte, ok bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return nil, false
	}
	if i == 0 || b[i-1] != '\r' {
		return b[:i], false
	}
	return b[: i-1 : i-1], true
}

const (
	http11 = "HTTP/1.1"
	http10 = "HTTP/1.0"
)

// requestLine reads RFC 9112 section 3.
func (s *Server) requestLine(q *request, line []byte) int {
	var method, rest []byte
	if len(line) > 4 && binary.LittleEndian.Uint32(line) == 'G'|'E'<<8|'T'<<16|' '<<24 {
		method, rest = line[:3], line[4:]
	} else {
		i := bytes.IndexByte(line, ' ')
		if i <= 0 || !all(line[:i], token) {
			return bad
		}
		method, rest = line[:i], line[i+1:]
	}
	i := len(rest) - len(http11) - 1
	if i < 1 || rest[i] != ' ' {
		return bad
	}
	switch v := rest[i+1:]; string(v) {
	case http11:
	case http10:
		q.said |= saidOld
	default:
		if string(v[:5]) != "HTTP/" || v[5] < '0' || v[5] > '9' || v[6] != '.' || v[7] < '0' || v[7] > '9' {
			return bad
		}
		if v[5] != '1' {
			return endsStream + http.StatusHTTPVersionNotSupported
		}
		// RFC 9110 section 2.5: a higher minor version is read as ours.
	}
	rest = rest[:i]
	if len(rest) > MaxTarget {
		return endsStream + http.StatusRequestURITooLong
	}
	if string(method) == "CONNECT" { // its target is no path
		return http.StatusNotImplemented
	}
	path, ok := s.target(rest)
	if !ok {
		return bad
	}
	switch string(method) {
	case "GET":
	case "HEAD":
		q.said |= saidHead
	case "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE":
		return http.StatusMethodNotAllowed
	default:
		return http.StatusNotImplemented // RFC 9110 section 9.1
	}
	if q.doc = s.site.find(path); q.doc == nil {
		return http.StatusNotFound
	}
	return http.StatusOK
}

// verdict closes the head: it returns the status of the answer.
func (q *request) verdict() int {
	if q.said&(saidHost|saidOld) == 0 {
		return bad // RFC 9112 section 3.2
	}
	if q.said&(saidChunked|saidLength|saidOld) == saidChunked|saidOld ||
		q.said&(saidChunked|saidLength) == saidChunked|saidLength {
		return bad // RFC 9112 section 6.1: either is a way to smuggle
	}
	if q.said&(saidOld|saidKeepAlive) == saidOld {
		q.said |= saidClose // RFC 9112 section 9.3
	}
	if q.said&saidExpect != 0 && (q.length > 0 || q.said&saidChunked != 0) {
		// The final status goes out without asking for the content (RFC 9110
		// section 10.1.1), so whether the client still sends it is open.
		q.said |= saidClose
	}
	return q.status
}

// variant tells the form of the response.
func (q *request) variant() (v variant) {
	if q.said&saidHead != 0 {
		v |= bodyless
	}
	if q.said&saidClose != 0 {
		v |= closing
	} else if q.said&saidOld != 0 {
		v |= keeping
	}
	return v
}

// content tells what follows the head.
func (q *request) content() content {
	if q.said&saidChunked != 0 {
		return content{state: chunkSize}
	}
	return content{left: q.length}
}
