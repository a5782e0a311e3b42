// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"crossing/servers/checksum"
)

// A Response is what to send, in this order: Head, then Body. Both slices are
// never written again, so they may be referenced until the peer has
// acknowledged the bytes; the Response itself is only valid until the next
// call on its Server.
type Response struct {
	Head   []byte // status line and fields; a short body is already in it
	Sum    uint64 // checksum.Sum of Head, so that a stack need not add it up each time
	Body   []byte // the rest of the body
	Status int
	Close  bool // close the connection when all is sent

	second int64 // of the Date in Head
}

// Len is the number of bytes to send.
func (r *Response) Len() int { return len(r.Head) + len(r.Body) }

// inline is the longest body that is kept in one piece with its head: both
// then fit into one segment on Ethernet.
const inline = 1024

// A variant tells how a response to the same document differs from request to
// request. It is made of these bits.
type variant uint8

const (
	bodyless  variant = 1 << iota // to HEAD: RFC 9110 section 9.3.2
	closing                       // says that the connection will be closed
	keeping                       // says that it will not, to an HTTP/1.0 client: RFC 9112 section 9.3
	nvariants variant = 8
)

// heads holds the variants of the response to one document or status.
type heads [nvariants]Response

// The statuses that are no document. Their responses tell the reason in a line
// of text.
var statuses = [...]int{
	http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed,
	http.StatusExpectationFailed, http.StatusRequestURITooLong,
	http.StatusRequestHeaderFieldsTooLarge, http.StatusNotImplemented,
	http.StatusHTTPVersionNotSupported,
}

// SetTime sets the time that Date fields tell, in seconds since 1970. Call it
// once per turn of the loop that drives the server.
func (s *Server) SetTime(unix int64) {
	if unix != s.second {
		s.second = unix
		s.date = time.Unix(unix, 0).UTC().AppendFormat(s.date[:0], http.TimeFormat)
	}
}

// document returns the response that holds doc.
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

// status returns the response of that status.
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

// make writes r. It takes a new buffer: the old one may still be on its way.
func (s *Server) make(r *Response, code int, v variant, kind string, body []byte, extra string) {
	h := make([]byte, 0, 256+len(extra)+min(len(body), inline))
	h = append(h, "HTTP/1.1 "...)
	h = strconv.AppendInt(h, int64(code), 10)
	h = append(h, ' ')
	h = append(h, http.StatusText(code)...)
	h = append(h, "\r\nDate: "...)
	h = append(h, s.date...)
	h = append(h, "\r\nServer: crossing\r\nContent-Type: "...)
	h = append(h, kind...)
	h = append(h, "\r\nContent-Length: "...)
	h = strconv.AppendInt(h, int64(len(body)), 10)
	h = append(h, "\r\n"...)
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
