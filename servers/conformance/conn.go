// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"crossing/servers/site"
)

// patience is how long the kit waits for bytes before it reports "no response".
// A guest in virtual time is slow by the wall clock, so it is generous.
const patience = 2 * time.Second

// bodyPatience is how long it waits for more of a body that has begun: on a busy
// machine it may only be late.
const bodyPatience = 5 * patience

// A conn is one connection to the server under test. It keeps a description of
// the first failure and does nothing after that.
type conn struct {
	net.Conn
	r     *bufio.Reader
	wrong string
}

// A Server is a server under test. Dial opens a connection to it from where the
// client is.
type Server struct {
	Dial func(timeout time.Duration) (net.Conn, error)
}

// At returns the server at an address that this process can reach.
func At(addr netip.AddrPort) Server {
	return Server{func(timeout time.Duration) (net.Conn, error) {
		return net.DialTimeout("tcp", addr.String(), timeout)
	}}
}

func dial(s Server) *conn {
	c, err := s.Dial(patience)
	if err != nil {
		return &conn{wrong: "cannot be connected to"}
	}
	return &conn{Conn: c, r: bufio.NewReaderSize(c, 64<<10)}
}

func (c *conn) close() {
	if c.Conn != nil {
		_ = c.Conn.Close()
	}
}

// send writes raw bytes. A failed write is no failure: a server may respond and
// close before it has received everything, and the response is read next.
func (c *conn) send(raw string) {
	if c.wrong != "" {
		return
	}
	_ = c.SetWriteDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c.Conn, raw)
}

// A reply is the response to one request.
type reply struct {
	status int
	header http.Header
	body   []byte
	close  bool   // the response announces the end of the connection
	wrong  string // why the response could not be read
}

// read reads one response with net/http's parser, which none of the tiers
// under test shares with us.
func (c *conn) read(method string) reply {
	if c.wrong != "" {
		return reply{wrong: c.wrong}
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.r.Peek(1); err != nil {
		return c.fail(describe(err))
	}
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return c.fail("no HTTP response")
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	for {
		_ = c.SetReadDeadline(time.Now().Add(bodyPatience))
		_, err := io.CopyN(&body, resp.Body, 64<<10)
		if err == io.EOF {
			break
		}
		if err != nil {
			return c.fail(fmt.Sprintf("%d, body cut short", resp.StatusCode))
		}
	}
	return reply{status: resp.StatusCode, header: resp.Header, body: body.Bytes(), close: resp.Close}
}

func (c *conn) fail(wrong string) reply {
	c.wrong = wrong
	return reply{wrong: wrong}
}

// describe does not distinguish a reset from a close: which of them a client sees
// depends on whether the server had unread bytes, not on its design.
func describe(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "no response"
	}
	return "closed without a response"
}

// ending reports whether the connection stays open, by a further request.
func (c *conn) ending() string {
	if c.wrong != "" {
		return "closes"
	}
	c.send(get("/0"))
	switch r := c.read("GET"); {
	case r.status == http.StatusOK:
		return "stays open"
	case r.wrong == "no response":
		return "stays open without responding"
	}
	return "closes"
}

// bodyOf compares the response's body with the file at path.
func (r reply) bodyOf(path string) string {
	if r.wrong != "" {
		return r.wrong
	}
	want, ok := site.Body(path)
	switch {
	case !ok:
		return fmt.Sprintf("%d", r.status)
	case r.status != http.StatusOK:
		return fmt.Sprintf("%d", r.status)
	case sha256.Sum256(want) == sha256.Sum256(r.body):
		return "200, right body"
	case len(want) != len(r.body):
		return fmt.Sprintf("200, %d bytes instead of %d", len(r.body), len(want))
	default:
		return "200, wrong bytes"
	}
}

// code returns the status, or why it could not be read. A secret in the response
// takes precedence.
func (r reply) code() string {
	if strings.Contains(string(r.body), site.Secret) {
		return "serves a file outside the document root"
	}
	if r.wrong != "" {
		return r.wrong
	}
	return fmt.Sprintf("%d", r.status)
}

func get(target string, header ...string) string { return request("GET", target, header...) }

func request(method, target string, header ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: site\r\n", method, target)
	for _, h := range header {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}
