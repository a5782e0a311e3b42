// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"crossing/servers/site"
)

// patience is how long no byte of an answer may come. It is long: a lost frame
// costs a second or more where its loss is only seen by a timer, and several may
// be lost in a row. How long a whole answer takes is no sign of a fault where
// more than a dozen servers share the machine.
const patience = time.Minute

// A tally counts what became of requests; its users share it.
type tally struct {
	sync.Mutex
	right  int64 // answered, every byte compared
	left   int64 // given up by the client on purpose
	again  int64 // sent again, as the server had closed the connection between two requests (RFC 9112, section 9.3.1)
	conns  int64
	wrong  map[string]int64 // by kind
	sample map[string]string
}

func newTally() *tally { return &tally{wrong: map[string]int64{}, sample: map[string]string{}} }

func (t *tally) add(counter *int64) {
	t.Lock()
	*counter++
	t.Unlock()
}

func (t *tally) fail(kind, detail string) {
	t.Lock()
	t.wrong[kind]++
	t.sample[kind] = detail
	t.Unlock()
}

// Of a hundred requests most are for small files, as those press hardest. In
// one order, so that a seed always asks for the same.
var paths = func() (all []string) {
	for _, share := range []struct {
		path  string
		times int
	}{{"/0", 10}, {"/100", 40}, {"/1K", 20}, {"/16K", 20}, {"/64K", 9}, {"/1M", 1}} {
		for range share.times {
			all = append(all, share.path)
		}
	}
	return all
}()

// Out of how many requests one ends its connection afterwards, and out of how
// many one leaves, by a reset, in the middle of its answer.
const (
	oneCloses = 64
	oneLeaves = 64
)

// A client is one connection's worth of load: it asks for file after file, on
// the same connection while that lasts.
type client struct {
	dial     func() (net.Conn, error)
	rng      *rand.Rand
	tally    *tally
	patience time.Duration // without a byte

	conn net.Conn    // nil: to be made
	stop func() bool // of what ends conn's waiting when the soak ends
	in   *bufio.Reader
	used bool // conn has had an answer
	buf  [32 << 10]byte
}

func (c *client) run(ctx context.Context) {
	defer c.close()
	for ctx.Err() == nil {
		if c.conn == nil && !c.connect(ctx) {
			continue
		}
		path := paths[c.rng.IntN(len(paths))]
		if err := c.ask(ctx, path); err != nil {
			c.broken(ctx, path, err)
			continue
		}
		c.used = true
		if c.rng.IntN(oneCloses) == 0 {
			c.close()
		}
	}
}

func (c *client) connect(ctx context.Context) bool {
	conn, err := c.dial()
	if err != nil {
		if ctx.Err() == nil {
			c.tally.fail("no connection", err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
		return false
	}
	c.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	c.tally.add(&c.tally.conns)
	c.conn, c.in, c.used = conn, bufio.NewReader(conn), false
	return true
}

func (c *client) close() {
	if c.conn != nil {
		c.stop()
		_ = c.conn.Close()
		c.conn = nil
	}
}

// What an answer can be other than right.
var (
	errLeft  = errors.New("left on purpose")
	errAgain = errors.New("closed between two requests")
)

// wrong is an answer that is not what the site holds.
type wrong struct{ kind, detail string }

func (w wrong) Error() string { return w.kind + ": " + w.detail }

// broken counts what went wrong, and gives the connection up.
func (c *client) broken(ctx context.Context, path string, err error) {
	c.close()
	var w wrong
	switch {
	case errors.Is(err, errLeft):
		c.tally.add(&c.tally.left)
	case errors.Is(err, errAgain):
		c.tally.add(&c.tally.again)
	case errors.As(err, &w):
		c.tally.fail(w.kind, path+": "+w.detail)
	case ctx.Err() != nil: // the end came first
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.tally.fail("stuck", fmt.Sprintf("%s: no byte for %v", path, c.patience))
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		c.tally.fail("reset", path)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		c.tally.fail("cut short", path)
	default:
		c.tally.fail("no HTTP", path+": "+err.Error())
	}
}

// ask asks for a file and compares the answer as it comes.
func (c *client) ask(ctx context.Context, path string) error {
	c.extend(ctx)
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: soak\r\n\r\n", path); err != nil {
		return c.early(err)
	}
	if _, err := c.in.Peek(1); err != nil {
		return c.early(err)
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	want, ok := site.Body(path)
	if !ok {
		return fmt.Errorf("%s is no file of the site", path)
	}
	if resp.StatusCode != http.StatusOK {
		return wrong{fmt.Sprintf("status %d", resp.StatusCode), resp.Status}
	}
	if resp.ContentLength >= 0 && resp.ContentLength != int64(len(want)) {
		return wrong{"other length", fmt.Sprintf("Content-Length %d for %d bytes", resp.ContentLength, len(want))}
	}
	leave := c.rng.IntN(oneLeaves) == 0
	for at := 0; ; {
		buf := c.buf[:]
		if leave {
			if at == len(want)/2 {
				_ = c.conn.(*net.TCPConn).SetLinger(0) // close is a reset
				return errLeft
			}
			buf = buf[:min(len(buf), len(want)/2-at)]
		}
		c.extend(ctx)
		n, err := resp.Body.Read(buf)
		if at+n > len(want) || !bytes.Equal(buf[:n], want[at:at+n]) {
			return wrong{"other bytes", fmt.Sprintf("after byte %d", at)}
		}
		at += n
		switch {
		case err == io.EOF && at < len(want):
			return io.ErrUnexpectedEOF
		case err == io.EOF:
			c.tally.add(&c.tally.right)
			if resp.Close {
				c.close()
			}
			return nil
		case err != nil:
			return err
		}
	}
}

// extend gives the server its full patience again, unless the soak has ended.
func (c *client) extend(ctx context.Context) {
	_ = c.conn.SetDeadline(time.Now().Add(c.patience))
	if ctx.Err() != nil {
		_ = c.conn.SetDeadline(time.Now())
	}
}

// early tells a server that closes an idle connection from one that fails.
func (c *client) early(err error) error {
	if c.used && !errors.Is(err, os.ErrDeadlineExceeded) {
		return errAgain
	}
	return err
}
