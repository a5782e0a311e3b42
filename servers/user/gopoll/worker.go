// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"crossing/servers/http1"
)

const (
	// readSize is what is read at once: more than the longest request.
	readSize = 64 << 10
	// idleLimit closes a connection on which nothing has moved for so long.
	idleLimit = 60 * time.Second
	// lingerLimit closes one whose last answer is sent but that the peer
	// keeps open.
	lingerLimit = 5 * time.Second
	// events is how many connections epoll reports at once.
	events = 256
)

// A worker is one thread's loop and all that it owns.
type worker struct {
	http     *http1.Server
	epoll    int
	listener int
	sleep    int     // milliseconds to wait for events: 0 when it spins
	conns    []*conn // by file descriptor
	free     []*conn
	in       [readSize]byte // where all connections read to
	out      []byte         // answers gathered for one send
	ready    [events]unix.EpollEvent
	now      time.Duration // since start, at the last wake-up
	start    time.Time
	swept    time.Duration
}

func newWorker(listener int, http *http1.Server, spin bool) (*worker, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	w := &worker{http: http, epoll: ep, listener: listener,
		out: make([]byte, 0, 2*readSize), start: time.Now()}
	if !spin {
		w.sleep = 1000 // idle connections are looked for once a second
	}
	// Level-triggered: a connection that cannot be taken now is told of again.
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(listener)}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, listener, &e); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return w, nil
}

// run serves until epoll itself fails.
func (w *worker) run() error {
	for {
		n, errno := poll(w.epoll, w.ready[:], w.sleep)
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
		if w.now-w.swept > time.Second {
			w.swept = w.now
			w.sweep()
		}
	}
}

// accept takes every connection that waits.
func (w *worker) accept() {
	for {
		fd, _, err := unix.Accept4(w.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == unix.ECONNABORTED || err == unix.EINTR {
			continue
		}
		if err != nil { // EAGAIN: none left; EMFILE and the like: try again later
			return
		}
		// Edge-triggered and for both directions: no epoll_ctl ever again.
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
		*c = conn{fd: fd, moved: w.now, in: c.in[:0], out: c.out[:0]}
		return c
	}
	return &conn{fd: fd, moved: w.now}
}

// close ends a connection.
func (w *worker) close(c *conn) {
	unix.Close(c.fd)
	w.conns[c.fd] = nil
	w.free = append(w.free, c)
}

// sweep closes connections on which nothing has moved for too long.
func (w *worker) sweep() {
	for _, c := range w.conns {
		if c != nil && (w.now-c.moved > idleLimit || c.shut && w.now-c.moved > lingerLimit) {
			w.close(c)
		}
	}
}
