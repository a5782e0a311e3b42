// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"
	"encoding/binary"
	"net/http"
)

// A request is the state of parsing a request line and header section. The zero
// value is the start of a request.
type request struct {
	next    int   // offset of the first line that was not parsed
	scanned int   // offset up to which no end of that line was found
	length  int64 // Content-Length
	doc     *document
	status  int // of the response, as far as the request line determines it
	flags   flags
}

// flags is a set of facts about a request.
type flags uint16

const (
	isHead           flags = 1 << iota // the method is HEAD
	isHTTP10                           // the version is HTTP/1.0
	hasHost                            // a Host field
	wantsClose                         // close the connection
	wantsKeepAlive                     // keep it alive, in an HTTP/1.0 request
	hasLength                          // a Content-Length field
	isChunked                          // Transfer-Encoding: chunked
	expectsContinue                    // Expect: 100-continue
	ifMatchFails                       // If-Match that no document fulfils
	ifNoneMatchFails                   // If-None-Match that every document fails
)

// fatal is added to a status after which the start of the next request is not
// known for certain, so that the connection is closed.
const fatal = 1000

const (
	bad           = fatal + http.StatusBadRequest
	headerTooLong = fatal + http.StatusRequestHeaderFieldsTooLarge
	targetTooLong = fatal + http.StatusRequestURITooLong
)

// parse parses the request line and header section at the front of b, from where
// the last call stopped. It returns their length and the status of the response,
// or 0, 0 while they are incomplete.
func (s *Server) parse(q *request, b []byte) (int, int) {
	if q.scanned > 0 && bytes.IndexByte(b[q.scanned:], '\n') < 0 {
		return q.incomplete(b)
	}
	p := q.next
	if p == 0 {
		p = s.fastRequestLine(q, b)
	}
	if p == 0 {
		if len(b) > 0 && class[b[0]]&token == 0 && b[0] != '\r' && b[0] != '\n' {
			return len(b), bad // not HTTP at all; a complete line may never come
		}
		for len(b) >= p+2 && b[p] == '\r' && b[p+1] == '\n' {
			if p += 2; p > 16 { // RFC 9112 section 2.2: some, for old clients
				return len(b), bad
			}
		}
		line, end := cut(b[p:])
		if end == 0 {
			return q.incomplete(b)
		}
		q.flags |= methodFlags(line)
		code := requestLineTooLong(line)
		if code == 0 && !endsInCRLF(b[:p+end]) {
			code = bad
		}
		if code == 0 {
			code = s.requestLine(q, line)
		}
		if code >= fatal {
			return len(b), code
		}
		q.status = code
		p += end
	}
	q.next = p
	for {
		name, value, end := fastField(b[p:])
		fast := end > 0
		var line []byte
		if !fast {
			if line, end = cut(b[p:]); end == 0 {
				q.next = p
				return q.incomplete(b)
			}
		}
		switch {
		case p+end > MaxHeader || !fast && len(line) > MaxField || fast && end-2 > MaxField:
			return len(b), headerTooLong
		case fast && !q.known(name, value), !fast && !endsInCRLF(b[:p+end]):
			return len(b), bad
		case !fast && len(line) == 0:
			return p + end, q.finish()
		case !fast && !q.field(line):
			return len(b), bad
		}
		p += end
	}
}

// incomplete applies the limits to a line whose end was not received: those of
// the complete line, so that the result does not depend on the segmentation.
func (q *request) incomplete(b []byte) (int, int) {
	start := q.next
	if start == 0 {
		for len(b) >= start+2 && b[start] == '\r' && b[start+1] == '\n' {
			start += 2
		}
	}
	line := b[start:]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	switch {
	case q.next == 0:
		if code := requestLineTooLong(line); code != 0 {
			q.flags |= methodFlags(line)
			return len(b), code
		}
	case len(line) > MaxField || len(b) >= MaxHeader:
		return len(b), headerTooLong
	}
	q.scanned = len(b)
	return 0, 0
}

// cut returns the first line of b without its end, and its length with it, or 0
// when the line is incomplete.
func cut(b []byte) (line []byte, end int) {
	i := bytes.IndexByte(b, '\n')
	switch {
	case i < 0:
		return nil, 0
	case i > 0 && b[i-1] == '\r':
		return b[: i-1 : i-1], i + 1
	default:
		return b[:i:i], i + 1
	}
}

// endsInCRLF reports whether a line ends as it must: RFC 9112 section 2.2 lets a
// server accept a bare LF too, but then two recipients may see different
// requests.
func endsInCRLF(b []byte) bool { return bytes.HasSuffix(b, []byte("\r\n")) }

const (
	http11 = "HTTP/1.1"
	http10 = "HTTP/1.0"
)

func requestLineTooLong(line []byte) int {
	if len(line) > maxRequestLine {
		return targetTooLong
	}
	return 0
}

// methodFlags returns what the method says of the response.
func methodFlags(line []byte) flags {
	if bytes.HasPrefix(line, []byte("HEAD ")) {
		return isHead // RFC 9110 section 9.3.2: no content, also with an error
	}
	return 0
}

// requestLine parses RFC 9112 section 3.
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
		q.flags |= isHTTP10
	default:
		if string(v[:5]) != "HTTP/" || v[5] < '0' || v[5] > '9' || v[6] != '.' || v[7] < '0' || v[7] > '9' {
			return bad
		}
		if v[5] != '1' {
			return fatal + http.StatusHTTPVersionNotSupported
		}
		// RFC 9110 section 2.5: a higher minor version is parsed as ours.
	}
	rest = rest[:i]
	if len(rest) > MaxTarget {
		return targetTooLong
	}
	if string(method) == "CONNECT" { // authority-form, RFC 9112 section 3.2.3
		if !authority(rest) {
			return bad
		}
		return http.StatusNotImplemented
	}
	path, ok := s.target(rest)
	if !ok {
		return bad
	}
	switch string(method) {
	case "GET", "HEAD":
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

// finish checks what depends on the whole header section and returns the status
// of the response.
func (q *request) finish() int {
	if q.flags&(hasHost|isHTTP10) == 0 {
		return bad // RFC 9112 section 3.2
	}
	if q.flags&isChunked != 0 && q.flags&(isHTTP10|hasLength) != 0 {
		return bad // RFC 9112 section 6.1: either may smuggle a request
	}
	if q.flags&(isHTTP10|wantsKeepAlive) == isHTTP10 {
		q.flags |= wantsClose // RFC 9112 section 9.3
	}
	if q.flags&(expectsContinue|isHTTP10) == expectsContinue && (q.length > 0 || q.flags&isChunked != 0) {
		// The final status is sent without asking for the content (RFC 9110
		// section 10.1.1), so whether the client still sends it is not known.
		q.flags |= wantsClose
	}
	if q.status == http.StatusOK && q.doc.location == "" {
		// RFC 9110 section 13.2.2. A document has neither a modification date
		// nor an entity tag, so only these two can fail.
		switch {
		case q.flags&ifMatchFails != 0:
			return http.StatusPreconditionFailed
		case q.flags&ifNoneMatchFails != 0:
			return http.StatusNotModified
		}
	}
	return q.status
}

// variant returns the form of the response.
func (q *request) variant() (v variant) {
	if q.flags&isHead != 0 {
		v |= bodyless
	}
	if q.flags&wantsClose != 0 {
		v |= closing
	} else if q.flags&isHTTP10 != 0 {
		v |= keeping
	}
	return v
}

// content returns the content that follows the header section.
func (q *request) content() content {
	if q.flags&isChunked != 0 {
		return content{state: chunkSize}
	}
	return content{left: q.length}
}
