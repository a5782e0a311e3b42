// SPDX-License-Identifier: Apache-2.0

package http1

import "net/http"

// Limits on what a client may send, in bytes. The end of a line is not counted.
const (
	MaxTarget = 8 << 10  // request target; more is answered with 414
	MaxField  = 8 << 10  // field line; more is answered with 431
	MaxHeader = 16 << 10 // request line and header section; more is answered with 431

	// maxRequestLine is that with the longest method whose target counts.
	maxRequestLine = MaxTarget + len("OPTIONS  HTTP/1.1")

	// MaxRequest is the most that Serve does not consume when it needs more: a
	// buffer of that size per connection is always enough.
	MaxRequest = MaxHeader
)

// A Server responds to requests for one site. It is not safe for concurrent use:
// give each thread its own.
type Server struct {
	site      *Site
	second    int64
	date      []byte
	documents []variants // by document.index
	statuses  [len(statuses)]variants
	path      [MaxTarget]byte // a decoded path
}

// NewServer returns a server for the site. Call SetTime before the first
// request.
func NewServer(site *Site) *Server {
	most := 0
	for _, e := range site.table {
		if e.doc != nil {
			most = max(most, e.doc.index)
		}
	}
	s := &Server{site: site, documents: make([]variants, most+1), second: -1}
	s.SetTime(0)
	return s
}

// A Stream is the state of one connection between calls of Serve. The zero value
// is a new connection.
type Stream struct {
	request
	content content // the rest of the last request's content
	ended   bool    // no request is parsed any more
}

// hangUp is no response: the connection is closed without one.
var hangUp = &Response{Close: true}

// Serve parses one request at the front of b, which holds what was received on
// the connection and not consumed by earlier calls.
//
// It returns the number of bytes consumed and the response, or nil while the
// request is incomplete. Bytes that were not consumed must be at the front of b
// at the next call. Call it again at once after a response, if bytes are left:
// requests may be pipelined. After a response with Close set it consumes
// everything and returns no response.
//
// A response with Close set may be empty: content that cannot be parsed comes
// after its request was responded to, so there is nothing more to say.
func (s *Server) Serve(c *Stream, b []byte) (n int, r *Response) {
	if c.ended {
		return len(b), nil
	}
	if c.content.pending() {
		var ok bool
		if n, ok = c.content.discard(b); !ok {
			c.ended = true
			return len(b), hangUp
		}
		if b = b[n:]; len(b) == 0 {
			return n, nil
		}
	}
	used, code := s.parse(&c.request, b)
	switch {
	case code == 0:
		return n + used, nil
	case code == http.StatusOK:
		r = s.document(c.doc, c.variant())
	case code >= fatal:
		code -= fatal
		c.flags |= wantsClose
		fallthrough
	default:
		r = s.status(code, c.variant())
	}
	n += used
	c.content = c.request.content()
	c.request = request{}
	if r.Close {
		c.ended = true
	}
	return n, r
}
