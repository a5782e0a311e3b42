// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"golang.org/x/sys/unix"

	"crossing/servers/http1"
)

// A conn is one connection. On the fast path its buffers are empty: requests are
// parsed in the worker's buffer and responses sent from it.
type conn struct {
	fd        int
	stream    http1.Stream
	in        []byte        // received and not consumed: an incomplete request, or pipelined ones
	out       []byte        // responses that the send buffer could not hold
	body      []byte        // what follows out
	unread    bool          // the socket may hold more than was read
	hungUp    bool          // the peer has ended its direction
	closes    bool          // close when all is sent
	shut      bool          // the sending direction is closed
	pipelined bool          // in may hold complete requests
	queued    bool          // in worker.again
	progress  time.Duration // time of the last progress, in the worker's time
}

// sending reports whether a response waits for space in the send buffer.
func (c *conn) sending() bool { return len(c.out)+len(c.body) > 0 }

// serve sends, receives and responds on a connection until the socket is drained
// or full, or the connection has used up its budget: then it is served again
// after the others.
func (w *worker) serve(c *conn, events uint32) {
	// An incomplete request does not count as progress: its sender may be slow
	// on purpose.
	if !c.shut && (len(c.in) == 0 || c.sending()) {
		c.progress = w.now
	}
	w.budget = requestBudget
	if events&unix.EPOLLERR != 0 {
		w.close(c)
		return
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP) != 0 {
		c.unread = true
	}
	if events&unix.EPOLLRDHUP != 0 {
		c.hungUp = true
	}
	for {
		if w.budget <= 0 {
			w.serveLater(c)
			return
		}
		if c.sending() {
			if !w.resume(c) || c.sending() {
				return
			}
		}
		if c.closes {
			w.finish(c)
			return
		}
		if c.pipelined {
			if !w.respondHeld(c) {
				return
			}
			if c.sending() || c.closes || w.budget <= 0 {
				continue
			}
		}
		if !c.unread {
			return
		}
		n, errno := recv(c.fd, w.in[:])
		if errno == unix.EAGAIN {
			c.unread = false
			return
		}
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 || n == 0 {
			w.close(c)
			return
		}
		w.budget--
		// A short read drained the socket (epoll(7)), unless the peer has closed:
		// then the end of stream is still to be read.
		c.unread = n == len(w.in) || c.hungUp
		var ok bool
		if len(c.in) == 0 {
			ok = w.respond(c, w.in[:n])
		} else {
			c.in = append(c.in, w.in[:n]...)
			ok = w.respondHeld(c)
		}
		if !ok {
			return
		}
	}
}

// respondHeld responds to the requests that the connection holds.
func (w *worker) respondHeld(c *conn) bool {
	held := c.in
	c.in = c.in[:0]
	return w.respond(c, held)
}

// respond responds to the requests in b. The connection keeps an incomplete one,
// and those that the send buffer or the budget leaves for later. It reports
// whether the connection still exists.
func (w *worker) respond(c *conn, b []byte) bool {
	w.out = w.out[:0]
	c.pipelined = false
	for len(b) > 0 && !c.closes {
		if w.budget <= 0 {
			c.pipelined = true
			break
		}
		n, r := w.http.Serve(&c.stream, b)
		b = b[n:]
		if r == nil {
			break
		}
		w.budget--
		c.progress = w.now
		c.closes = r.Close
		w.out = append(w.out, r.Head...)
		if len(r.Body) > 0 {
			if !w.send(c, r.Body) {
				return false
			}
			if c.sending() {
				c.pipelined = true
				break
			}
		} else if len(w.out) > readSize {
			if !w.send(c, nil) {
				return false
			}
			if c.sending() {
				c.pipelined = true
				break
			}
		}
	}
	c.in = append(c.in[:0], b...)
	if len(w.out) > 0 && !c.sending() {
		return w.send(c, nil)
	}
	return true
}

// send sends the collected responses and then body; the connection keeps what
// the send buffer does not hold. It reports whether the connection still exists.
func (w *worker) send(c *conn, body []byte) bool {
	c.body = body
	rest, ok := w.write(c, w.out)
	if ok {
		c.out = append(c.out[:0], rest...)
	}
	w.out = w.out[:0]
	return ok
}

// resume sends what the connection keeps.
func (w *worker) resume(c *conn) bool {
	rest, ok := w.write(c, c.out)
	if ok {
		c.out = c.out[:copy(c.out, rest)]
	}
	return ok
}

// write sends head and then c.body, and returns what was not sent of head; the
// rest of body stays in c.body.
func (w *worker) write(c *conn, head []byte) (rest []byte, ok bool) {
	for len(head)+len(c.body) > 0 {
		n, errno := sendBoth(c.fd, head, c.body)
		switch errno {
		case 0:
		case unix.EAGAIN:
			return head, true
		case unix.EINTR:
			continue
		default:
			w.close(c)
			return nil, false
		}
		k := min(n, len(head))
		head, c.body = head[k:], c.body[n-k:]
	}
	return nil, true
}

// finish closes a connection after its last response. It first closes the sending
// direction only and waits for the peer to close the other: closing with unread
// bytes would reset the connection and could destroy the response in flight (RFC
// 9112 section 9.6).
func (w *worker) finish(c *conn) {
	if !c.shut {
		c.shut = true
		unix.Shutdown(c.fd, unix.SHUT_WR)
	}
	for c.unread {
		if w.budget--; w.budget <= 0 {
			w.serveLater(c)
			return
		}
		n, errno := recv(c.fd, w.in[:])
		switch {
		case errno == unix.EAGAIN:
			c.unread = false
		case errno == unix.EINTR:
		case errno != 0 || n == 0:
			w.close(c)
			return
		}
	}
}
