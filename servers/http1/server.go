// SPDX-License-Identifier: Apache-2.0

package http1

import "net/http"

// Limits on what a client may send, in bytes.
const (
	MaxTarget = 8 << 10  // request target; more is answered with 414
	MaxField  = 8 << 10  // one field line; more is answered with 431
	MaxHead   = 16 << 10 // request line and fields; more is answered with 431

	// MaxRequest is the most that Serve leaves untaken when it asks for more:
	// a buffer of that size per connection is always enough.
	MaxRequest = MaxHead
)

// A Server answers requests for one site. It belongs to one thread: give each
// its own.
type Server struct {
	site      *Site
	second    int64
	date      []byte
	documents []heads // by document.index
	statuses  [len(statuses)]heads
	path      [MaxTarget]byte // room for a decoded path
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
	s := &Server{site: site, documents: make([]heads, most+1), second: -1}
	s.SetTime(0)
	return s
}

// A Stream is what a server knows of one connection between calls of Serve.
// The zero value is a new connection.
type Stream struct {
	request
	content content // what is still to come of the last request's content
	ended   bool    // no request will be read any more
}

// Serve reads one request from the front of b, which holds what has arrived on
// the connection and was not taken by earlier calls.
//
// It returns how many bytes it took, and the response, or nil when the rest of
// the request has to come first. Bytes that were not taken must be at the
// front of b at the next call, in front of new ones. Call it again at once
// after a response, if bytes are left: requests may be pipelined. After a
// response with Close set it takes everything and answers nothing.
func (s *Server) Serve(c *Stream, b []byte) (n int, r *Response) {
	if c.ended {
		return len(b), nil
	}
	if c.content.any() {
		var ok bool
		if n, ok = c.content.discard(b); !ok {
			c.ended = true
			return len(b), s.status(http.StatusBadRequest, closing)
		}
		if b = b[n:]; len(b) == 0 {
			return n, nil
		}
	}
	used, code := s.read(&c.request, b)
	switch {
	case code == 0:
		return n + used, nil
	case code == http.StatusOK:
		r = s.document(c.doc, c.variant())
	case code >= endsStream:
		code -= endsStream
		c.said |= saidClose
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

// Idle tells that the connection is between requests, so that it may be closed
// without loss.
func (c *Stream) Idle() bool { return c.next == 0 && !c.content.any() }
