// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"crossing/servers/http1"
)

const (
	// readSize is the size of one receive: more than the longest request.
	readSize = 64 << 10
	// idleLimit is the time without progress after which a connection is closed.
	// An incomplete request is no progress, so it is also the limit for one.
	idleLimit = 60 * time.Second
	// lingerLimit is the time for the peer to close after the last response.
	lingerLimit = 5 * time.Second
	// maxEvents is the number of connections that epoll reports at once.
	maxEvents = 256
	// requestBudget is the number of requests and receives that a connection is
	// served at a time, so that no connection starves the others.
	requestBudget = 64
)

// A worker is one thread's event loop and all that it owns.
type worker struct {
	http      *http1.Server
	epoll     int
	listener  int
	paused    bool    // no descriptor is left: the listener is not in epoll
	sleep     int     // milliseconds to wait for events: 0 when spinning
	conns     []*conn // by file descriptor
	free      []*conn
	again     []*conn        // to be served after the others
	budget    int            // of the connection being served
	in        [readSize]byte // receive buffer of all connections
	out       []byte         // responses collected for one send
	ready     [maxEvents]unix.EpollEvent
	now       time.Duration // since start, at the last wake-up
	start     time.Time
	idleLimit time.Duration
	swept     time.Duration
}

func newWorker(listener int, http *http1.Server, spin bool) (*worker, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	w := &worker{http: http, epoll: ep, listener: listener,
		out: make([]byte, 0, 2*readSize), start: time.Now(), idleLimit: idleLimit}
	if !spin {
		w.sleep = 1000 // idle connections are closed once a second
	}
	if err := w.listen(); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return w, nil
}

// listen adds the listener to epoll, level-triggered: a connection that cannot
// be accepted now is reported again.
func (w *worker) listen() error {
	w.paused = false
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(w.listener)}
	return unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, w.listener, &e)
}

// run serves until epoll itself fails.
func (w *worker) run() error {
	for {
		wait := w.sleep
		if len(w.again) > 0 {
			wait = 0
		}
		n, errno := poll(w.epoll, w.ready[:], wait)
		if errno != 0 && errno != unix.EINTR {
			return fmt.Errorf("epoll: %w", errno)
		}
		now := time.Now()
		w.now = now.Sub(w.start)
		w.http.SetTime(now.Unix())
		for i := range w.ready[:max(n, 0)] {
			e := &w.ready[i]
			if int(e.Fd) == w.listener {
				w.accept()
			} else if c := w.conns[e.Fd]; c != nil {
				w.serve(c, e.Events)
			}
		}
		w.serveAgain()
		if w.now-w.swept > time.Second {
			w.swept = w.now
			w.sweep()
			if w.paused {
				if err := w.listen(); err != nil {
					return fmt.Errorf("epoll: %w", err)
				}
			}
		}
	}
}

// serveLater lets other connections be served before c.
func (w *worker) serveLater(c *conn) {
	if !c.queued {
		c.queued = true
		w.again = append(w.again, c)
	}
}

// serveAgain serves the connections that had used up their budget, once.
func (w *worker) serveAgain() {
	n := len(w.again)
	for _, c := range w.again[:n] {
		if c.queued { // not closed meanwhile
			c.queued = false
			w.serve(c, 0)
		}
	}
	w.again = w.again[:copy(w.again, w.again[n:])]
}

// accept accepts all waiting connections.
func (w *worker) accept() {
	for {
		fd, _, err := unix.Accept4(w.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == unix.ECONNABORTED || err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			return
		}
		if err != nil {
			// EMFILE and the like last until a connection is closed. The
			// listener would be reported all the time, so it is removed until
			// the next sweep.
			w.paused = unix.EpollCtl(w.epoll, unix.EPOLL_CTL_DEL, w.listener, nil) == nil
			return
		}
		// Edge-triggered and for both directions, so that it is the only epoll_ctl.
		e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff, Fd: int32(fd)}
		if unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &e) != nil {
			unix.Close(fd)
			continue
		}
		for fd >= len(w.conns) {
			w.conns = append(w.conns, nil)
		}
		w.conns[fd] = w.newConn(fd)
	}
}

func (w *worker) newConn(fd int) *conn {
	if n := len(w.free); n > 0 {
		c := w.free[n-1]
		w.free = w.free[:n-1]
		*c = conn{fd: fd, progress: w.now, in: c.in[:0], out: c.out[:0]}
		return c
	}
	return &conn{fd: fd, progress: w.now}
}

// close ends a connection.
func (w *worker) close(c *conn) {
	unix.Close(c.fd)
	w.conns[c.fd] = nil
	c.queued = false
	w.free = append(w.free, c)
}

// sweep closes connections that made no progress for too long.
func (w *worker) sweep() {
	for _, c := range w.conns {
		if c != nil && (w.now-c.progress > w.idleLimit || c.shut && w.now-c.progress > lingerLimit) {
			w.close(c)
		}
	}
}
