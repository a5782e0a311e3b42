// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"crossing/servers/checksum"
)

// A Response is what to send: Head, then Body. Neither slice is modified again,
// so they may be referenced until the peer has acknowledged the bytes; the
// Response itself is only valid until the next call on its Server.
type Response struct {
	Head   []byte // status line and header section, and a short body
	Sum    uint64 // checksum.Sum of Head, so that a stack need not compute it each time
	Body   []byte // the rest of the body
	Status int
	Close  bool // close the connection when all is sent

	second int64 // of the Date in Head
}

// Len is the number of bytes to send.
func (r *Response) Len() int { return len(r.Head) + len(r.Body) }

// inline is the longest body that is kept in one piece with its header section:
// both then fit into one segment on Ethernet.
const inline = 1024

// A variant is a form of the response to one document, a set of these bits.
type variant uint8

const (
	bodyless  variant = 1 << iota // to HEAD: RFC 9110 section 9.3.2
	closing                       // with Connection: close
	keeping                       // with Connection: keep-alive, to an HTTP/1.0 client: RFC 9112 section 9.3
	nvariants variant = 8
)

// variants holds the variants of the response for one document or status.
type variants [nvariants]Response

// statuses are those of responses without a document, whose body is the reason
// phrase.
var statuses = [...]int{
	http.StatusNotModified, http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed,
	http.StatusPreconditionFailed, http.StatusRequestURITooLong,
	http.StatusRequestHeaderFieldsTooLarge, http.StatusNotImplemented,
	http.StatusHTTPVersionNotSupported,
}

// SetTime sets the time of Date fields, in seconds since 1970. Call it once per
// iteration of the loop that drives the server.
func (s *Server) SetTime(unix int64) {
	if unix != s.second {
		s.second = unix
		s.date = time.Unix(unix, 0).UTC().AppendFormat(s.date[:0], http.TimeFormat)
	}
}

// document returns the response with doc.
func (s *Server) document(doc *document, v variant) *Response {
	r := &s.documents[doc.index][v]
	if r.second != s.second {
		s.makeDocument(r, doc, v)
	}
	return r
}

func (s *Server) makeDocument(r *Response, doc *document, v variant) {
	if doc.location != "" {
		s.make(r, http.StatusMovedPermanently, v, "text/plain", nil, "Location: "+doc.location+"\r\n")
		return
	}
	s.make(r, http.StatusOK, v, doc.kind, doc.body, "")
}

// status returns the response with a status and no document.
func (s *Server) status(code int, v variant) *Response {
	for i := range statuses {
		if statuses[i] != code {
			continue
		}
		r := &s.statuses[i][v]
		if r.second != s.second {
			extra := ""
			if code == http.StatusMethodNotAllowed {
				extra = "Allow: GET, HEAD\r\n" // RFC 9110 section 15.5.6
			}
			text := fmt.Sprintf("%d %s\n", code, http.StatusText(code))
			s.make(r, code, v, "text/plain", []byte(text), extra)
		}
		return r
	}
	panic("http1: no such status: " + strconv.Itoa(code))
}

// make formats r in a new buffer: the old one may still be referenced.
func (s *Server) make(r *Response, code int, v variant, kind string, body []byte, extra string) {
	h := make([]byte, 0, 256+len(extra)+min(len(body), inline))
	h = append(h, "HTTP/1.1 "...)
	h = strconv.AppendInt(h, int64(code), 10)
	h = append(h, ' ')
	h = append(h, http.StatusText(code)...)
	h = append(h, "\r\nDate: "...)
	h = append(h, s.date...)
	h = append(h, "\r\nServer: crossing\r\n"...)
	if code == http.StatusNotModified {
		body = nil // RFC 9110 sections 8.6 and 15.4.5
	} else {
		h = append(h, "Content-Type: "...)
		h = append(h, kind...)
		h = append(h, "\r\nContent-Length: "...)
		h = strconv.AppendInt(h, int64(len(body)), 10)
		h = append(h, "\r\n"...)
	}
	h = append(h, extra...)
	switch {
	case v&closing != 0:
		h = append(h, "Connection: close\r\n"...)
	case v&keeping != 0:
		h = append(h, "Connection: keep-alive\r\n"...)
	}
	h = append(h, "\r\n"...)
	if v&bodyless != 0 {
		body = nil
	} else if len(body) <= inline {
		h, body = append(h, body...), nil
	}
	*r = Response{Head: h[:len(h):len(h)], Sum: checksum.Sum(h, 0), Body: body, Status: code, Close: v&closing != 0, second: s.second}
}
