// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"golang.org/x/sys/unix"

	"crossing/servers/http1"
)

// A conn is one connection. While all goes well its buffers are empty:
// requests are read from the worker's buffer and answers sent from it.
type conn struct {
	fd     int
	stream http1.Stream
	in     []byte        // the part of a request that is here
	out    []byte        // answers that the socket would not take yet
	body   []byte        // what follows out
	unread bool          // the socket may hold more than was read
	closes bool          // close when all is sent
	shut   bool          // nothing more will be sent
	moved  time.Duration // when bytes last moved, in the worker's time
}

// sending tells whether an answer waits for room in the socket.
func (c *conn) sending() bool { return len(c.out)+len(c.body) > 0 }

// serve does what can be done on a connection: sends, reads, answers, until
// the socket has nothing more or takes nothing more.
func (w *worker) serve(c *conn, events uint32) {
	if !c.shut {
		c.moved = w.now
	}
	if events&unix.EPOLLERR != 0 {
		w.close(c)
		return
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP) != 0 {
		c.unread = true
	}
	for {
		if c.sending() {
			if !w.resume(c) || c.sending() {
				return
			}
		}
		if c.closes {
			w.finish(c)
			return
		}
		if len(c.in) > 0 { // answered up to here when the socket was full
			if !w.answerHeld(c) {
				return
			}
			if c.sending() || c.closes {
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
		// A short read took all there was (epoll(7)), unless the peer has
		// closed: then the end of the stream is still to be read.
		c.unread = n == len(w.in) || events&unix.EPOLLRDHUP != 0
		var ok bool
		if len(c.in) == 0 {
			ok = w.answer(c, w.in[:n])
		} else {
			c.in = append(c.in, w.in[:n]...)
			ok = w.answerHeld(c)
		}
		if !ok {
			return
		}
	}
}

// answerHeld answers what the connection has kept.
func (w *worker) answerHeld(c *conn) bool {
	held := c.in
	c.in = c.in[:0]
	return w.answer(c, held)
}

// answer serves the requests in b and sends the answers. What is no whole
// request, or cannot be answered before the socket has room, is kept. It tells
// whether the connection is still there.
func (w *worker) answer(c *conn, b []byte) bool {
	w.out = w.out[:0]
	for len(b) > 0 && !c.closes {
		n, r := w.http.Serve(&c.stream, b)
		b = b[n:]
		if r == nil {
			break
		}
		c.closes = r.Close
		w.out = append(w.out, r.Head...)
		if len(r.Body) > 0 {
			if !w.send(c, r.Body) {
				return false
			}
			if c.sending() {
				break
			}
		} else if len(w.out) > readSize {
			if !w.send(c, nil) {
				return false
			}
			if c.sending() {
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

// send sends the gathered answers and then body; what the socket does not take
// is kept in c. It tells whether the connection is still there.
func (w *worker) send(c *conn, body []byte) bool {
	c.body = body
	rest, ok := w.write(c, w.out)
	if ok {
		c.out = append(c.out[:0], rest...)
	}
	w.out = w.out[:0]
	return ok
}

// resume sends what is kept in c.
func (w *worker) resume(c *conn) bool {
	rest, ok := w.write(c, c.out)
	if ok {
		c.out = c.out[:copy(c.out, rest)]
	}
	return ok
}

// write sends head and then c.body, and returns what the socket did not take
// of head; of body it stays in c.body.
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

// finish closes a connection after its last answer. It first ends the sending
// direction only and waits for the peer to end the other: closing with unread
// bytes would reset the connection and could take the answer with it (RFC 9112
// section 9.6).
func (w *worker) finish(c *conn) {
	if !c.shut {
		c.shut = true
		unix.Shutdown(c.fd, unix.SHUT_WR)
	}
	for c.unread {
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
