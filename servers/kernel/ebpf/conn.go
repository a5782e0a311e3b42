// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A listener returns connections that share their state with the kernel.
type listener struct {
	*net.TCPListener
	k *kernel
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	t := &conn{TCPConn: c, k: l.k}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	if err := raw.Control(func(fd uintptr) {
		t.cookie, _ = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE)
	}); err != nil {
		return nil, err
	}
	return t, nil
}

// A conn counts the bytes that user space reads. When net/http is idle and
// reads again, it has responded to everything that it has read: from then on
// the kernel may respond.
type conn struct {
	*net.TCPConn
	k             *kernel
	cookie        uint64
	read, told    uint64 // bytes read; as the kernel was told
	responded     uint64 // requests that the kernel had responded to
	idle          atomic.Bool
	readTimeLimit atomic.Int64 // of the last read deadline, in ns from when it was set
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	for {
		if c.read != c.told && c.idle.Load() && c.k.objects.Taken.Put(c.cookie, c.read) == nil {
			c.told = c.read
		}
		n, err := c.TCPConn.Read(b)
		c.read += uint64(n)
		if n == 0 && os.IsTimeout(err) && c.servedByKernel() {
			limit := time.Duration(c.readTimeLimit.Load())
			if limit > 0 && c.TCPConn.SetReadDeadline(time.Now().Add(limit)) == nil {
				continue // net/http is idle, but the connection is not
			}
		}
		c.awaitFlight()
		return n, err
	}
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	limit := time.Duration(0)
	if !t.IsZero() {
		limit = time.Until(t)
	}
	c.readTimeLimit.Store(int64(limit))
	return c.TCPConn.SetReadDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.TCPConn.SetWriteDeadline(t)
}

// servedByKernel reports whether the kernel responded to a request since the
// last call.
func (c *conn) servedByKernel() bool {
	s, ok := c.k.state(c.cookie)
	before := c.responded
	c.responded = s.Responded
	return ok && s.Responded != before
}

// awaitFlight waits until the kernel has sent the response that is in flight:
// the request that was read, or the end of stream, came after it. A response
// that cannot be sent breaks the connection, so the wait is bounded.
func (c *conn) awaitFlight() {
	for pause := 10 * time.Microsecond; pause < time.Second; pause *= 2 {
		if s, ok := c.k.state(c.cookie); !ok || s.Flight == 0 {
			return
		}
		time.Sleep(pause)
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	// First the state: without it the kernel passes whatever is still received.
	_ = c.k.objects.States.Delete(c.cookie)
	_ = c.k.objects.Taken.Delete(c.cookie)
	return c.TCPConn.Close()
}

// connState follows net/http's states of a connection.
func connState(c net.Conn, s http.ConnState) {
	if t, ok := c.(*conn); ok {
		t.idle.Store(s == http.StateIdle)
	}
}
