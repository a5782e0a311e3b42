// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"crossing/servers/site"
)

// A Row is one requirement: something is sent over a real connection, and the
// response is described in a few words.
type Row struct {
	Name   string
	Source string   // the document that requires it
	Want   []string // observations that conform
	try    func(s Server) string
}

// Rows returns every row of the kit, in the order of the table.
func Rows() []Row {
	var rows []Row
	for _, f := range site.Files {
		rows = append(rows, Row{"GET " + f.Path, "RFC 9110 9.3.1", []string{"200, right body"}, oneGet(f)})
	}
	for _, f := range site.Files {
		rows = append(rows, Row{"HEAD " + f.Path, "RFC 9110 9.3.2", []string{"200, no body, right length", "200, no body, no length"}, oneHead(f)})
	}
	rows = append(rows, resources...)
	rows = append(rows, connections...)
	rows = append(rows, framing...)
	rows = append(rows, refusals...)
	rows = append(rows, escapes()...)
	rows = append(rows, semantics...)
	rows = append(rows, smuggling...)
	rows = append(rows, endurance...)
	return append(rows, concurrency...)
}

func oneGet(f site.File) func(Server) string {
	return func(s Server) string {
		return single(s, get(f.Target), func(r reply) string { return r.bodyOf(f.Path) })
	}
}

func oneHead(f site.File) func(Server) string {
	return func(s Server) string {
		c := dial(s)
		defer c.close()
		c.send(request("HEAD", f.Target))
		r := c.read("HEAD")
		if r.wrong != "" || r.status != http.StatusOK {
			return r.code()
		}
		// RFC 9110 8.6: a HEAD response may leave Content-Length out, but must
		// not name another length than GET would.
		length := "right length"
		if got := r.header.Get("Content-Length"); got == "" {
			length = "no length"
		} else if got != fmt.Sprint(f.Bytes) {
			length = "length " + got
		}
		// A body would be read as the next response.
		c.send(get("/100"))
		if next := c.read("GET"); next.wrong == "no HTTP response" {
			return "200 with a body"
		}
		return "200, no body, " + length
	}
}

// single sends one request on a new connection and describes the response.
func single(s Server, raw string, describe func(reply) string) string {
	c := dial(s)
	defer c.close()
	c.send(raw)
	return describe(c.read("GET"))
}

func body(path, raw string) func(Server) string {
	return func(s Server) string {
		return single(s, raw, func(r reply) string { return r.bodyOf(path) })
	}
}

func code(raw string) func(Server) string {
	return func(s Server) string { return single(s, raw, reply.code) }
}

// codeAndEnd also describes whether the connection stays open.
func codeAndEnd(raw string) func(Server) string {
	return func(s Server) string {
		c := dial(s)
		defer c.close()
		c.send(raw)
		r := c.read("GET")
		if r.wrong != "" {
			return r.wrong
		}
		return r.code() + ", " + c.ending()
	}
}

var resources = []Row{
	{"index of the root", "contract", []string{"200, right body"}, body("/", get("/"))},
	{"index of a directory", "contract", []string{"200, right body"}, body("/dir/", get("/dir/"))},
	{"directory without its slash", "contract", []string{"redirected to /dir/", "404", "200"}, func(s Server) string {
		return single(s, get("/dir"), reply.codeOrTarget)
	}},
	{"percent-encoded space", "RFC 3986 2.1", []string{"200, right body"}, body("/name with space", get("/name%20with%20space"))},
	{"percent-encoded letters", "RFC 3986 6.2.2.2", []string{"200, right body"}, body("/100", get("/%31%30%30"))},
	{"query is not part of the path", "RFC 3986 3.4", []string{"200, right body"}, body("/100", get("/100?a=b"))},
	{"absolute form", "RFC 9112 3.2.2", []string{"200, right body"}, body("/100", get("http://site/100"))},
	{"unknown path", "RFC 9110 15.5.5", []string{"404, stays open"}, codeAndEnd(get("/no-such-file"))},
	{"Date", "RFC 9110 6.6.1", []string{"current, as IMF-fixdate"}, func(s Server) string {
		return single(s, get("/100"), func(r reply) string {
			if r.wrong != "" {
				return r.wrong
			}
			switch date, err := time.Parse(http.TimeFormat, r.header.Get("Date")); {
			case err != nil:
				return "no IMF-fixdate"
			case time.Since(date).Abs() > 10*time.Second:
				return "not current"
			}
			return "current, as IMF-fixdate"
		})
	}},
}

var connections = []Row{
	{"keep-alive", "RFC 9112 9.3", []string{"3 of 3 right"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		return inTurn(c, "/100", "/16K", "/0")
	}},
	{"Connection: close", "RFC 9112 9.6", []string{"200, closes"}, codeAndEnd(get("/100", "Connection: close"))},
	{"Connection: close in odd case", "RFC 9110 5.1", []string{"200, closes"}, codeAndEnd(get("/100", "cOnNeCtIoN: ClOsE"))},
	{"HTTP/1.0 closes", "RFC 9112 9.3", []string{"200, closes"}, codeAndEnd("GET /100 HTTP/1.0\r\n\r\n")},
	{"HTTP/1.0 with keep-alive", "RFC 9112 C.2.2", []string{"200, confirmed and stays open", "200, closes"}, keepAlive10},
	{"later minor version", "RFC 9110 2.5", []string{"200, right body"}, body("/100", "GET /100 HTTP/1.2\r\nHost: site\r\n\r\n")},
	{"half-closed by the client", "RFC 9293 3.6", []string{"200, right body"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		c.send(get("/1M"))
		if c.wrong == "" {
			_ = c.Conn.(*net.TCPConn).CloseWrite()
		}
		return c.read("GET").bodyOf("/1M")
	}},
	{"pipelined", "RFC 9112 9.3.2", []string{"4 of 4 right"}, func(s Server) string {
		return pipelined(s, "/100", "/64K", "/0", "/1K")
	}},
	{"pipelined, HEAD between", "RFC 9112 9.3.2", []string{"right"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		c.send(get("/100") + request("HEAD", "/64K") + get("/1K"))
		if got := c.read("GET").bodyOf("/100"); got != "200, right body" {
			return "first: " + got
		}
		if r := c.read("HEAD"); r.status != http.StatusOK {
			return "HEAD: " + r.code()
		}
		if got := c.read("GET").bodyOf("/1K"); got != "200, right body" {
			return "last: " + got
		}
		return "right"
	}},
	{"pipelined, 200 at once", "RFC 9112 9.3.2", []string{"200 of 200 right"}, func(s Server) string {
		paths := make([]string, 200)
		for i := range paths {
			paths[i] = "/100"
		}
		return pipelined(s, paths...)
	}},
	{"split at each byte", "RFC 9293 3.8", []string{"right at each"}, func(s Server) string {
		raw := get("/100", "Connection: close")
		for i := 1; i < len(raw); i += 3 {
			c := dial(s)
			c.send(raw[:i])
			time.Sleep(500 * time.Microsecond)
			c.send(raw[i:])
			got := c.read("GET").bodyOf("/100")
			c.close()
			if got != "200, right body" {
				return fmt.Sprintf("after byte %d: %s", i, got)
			}
		}
		return "right at each"
	}},
	{"one byte at a time", "RFC 9293 3.8", []string{"200, right body"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		for _, b := range []byte(get("/100")) {
			c.send(string(b))
			time.Sleep(200 * time.Microsecond)
		}
		return c.read("GET").bodyOf("/100")
	}},
	{"split between pipelined requests", "RFC 9112 9.3.2", []string{"2 of 2 right"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		second := get("/1K")
		c.send(get("/100") + second[:7])
		if got := c.read("GET").bodyOf("/100"); got != "200, right body" {
			return "0 of 2 right, then " + got
		}
		c.send(second[7:])
		if got := c.read("GET").bodyOf("/1K"); got != "200, right body" {
			return "1 of 2 right, then " + got
		}
		return "2 of 2 right"
	}},
}

// inTurn requests one path after the other on one connection.
func inTurn(c *conn, paths ...string) string {
	for i, p := range paths {
		c.send(get(p))
		if got := c.read("GET").bodyOf(p); got != "200, right body" {
			return fmt.Sprintf("%d of %d right, then %s", i, len(paths), got)
		}
	}
	return fmt.Sprintf("%d of %d right", len(paths), len(paths))
}

// keepAlive10 requires that a connection of HTTP/1.0 stays open only if the
// response says so, since the client would wait for its end.
func keepAlive10(s Server) string {
	c := dial(s)
	defer c.close()
	c.send("GET /100 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
	r := c.read("GET")
	if r.wrong != "" {
		return r.wrong
	}
	confirmed := strings.EqualFold(r.header.Get("Connection"), "keep-alive")
	if ending := c.ending(); ending == "closes" {
		return r.code() + ", closes"
	}
	if !confirmed {
		return r.code() + ", stays open without saying so"
	}
	return r.code() + ", confirmed and stays open"
}

// withRetries is inTurn for a server that may close an idle connection after any
// response (RFC 9112 9.5): the request is then sent again.
func withRetries(s Server, paths ...string) string {
	c := dial(s)
	defer func() { c.close() }()
	for i, p := range paths {
		for try := 0; ; try++ {
			c.send(get(p))
			got := c.read("GET").bodyOf(p)
			if got == "200, right body" {
				break
			}
			if got != "closed without a response" || try == 2 {
				return fmt.Sprintf("%d of %d right, then %s", i, len(paths), got)
			}
			c.close()
			c = dial(s)
		}
	}
	return fmt.Sprintf("%d of %d right", len(paths), len(paths))
}

func pipelined(s Server, paths ...string) string {
	c := dial(s)
	defer c.close()
	var raw strings.Builder
	for _, p := range paths {
		raw.WriteString(get(p))
	}
	c.send(raw.String())
	return responses(c, paths...)
}

func responses(c *conn, paths ...string) string {
	for i, p := range paths {
		if got := c.read("GET").bodyOf(p); got != "200, right body" {
			return fmt.Sprintf("%d of %d right, then %s", i, len(paths), got)
		}
	}
	return fmt.Sprintf("%d of %d right", len(paths), len(paths))
}

var framing = []Row{
	{"one exact Content-Length", "RFC 9110 8.6", []string{"exact"}, func(s Server) string {
		return single(s, get("/16K"), func(r reply) string {
			switch lengths := r.header.Values("Content-Length"); {
			case r.wrong != "":
				return r.wrong
			case len(lengths) == 1 && lengths[0] == "16384":
				return "exact"
			default:
				return "Content-Length " + strings.Join(lengths, " and ")
			}
		})
	}},
	{"empty line before the request", "RFC 9112 2.2", []string{"200, right body"}, body("/100", "\r\n"+get("/100"))},
	{"bare LF as line end", "RFC 9112 2.2", []string{"200", "400", "closed without a response"}, code("GET /100 HTTP/1.1\nHost: site\n\n")},
	{"GET with content", "RFC 9110 9.3.1", []string{"200, then 200", "200, then closed without a response", "400, then closed without a response", "413, then closed without a response"}, func(s Server) string {
		return then(s, get("/100", "Content-Length: 26")+"GET /64K HTTP/1.1\r\nHost: x"[:26], "/100")
	}},
	{"content of a refused POST is no request", "RFC 9112 6.3", []string{"405, then 200", "405, then closed without a response"}, func(s Server) string {
		smuggled := get("/64K")
		return then(s, request("POST", "/100", fmt.Sprintf("Content-Length: %d", len(smuggled)))+smuggled, "/100")
	}},
	{"Content-Length and Transfer-Encoding", "RFC 9112 6.1", []string{"refused", "accepted as chunked, closes"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		c.send(get("/100", "Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\n")
		r := c.read("GET")
		switch {
		case r.wrong == "no response":
			return r.wrong
		case r.status != http.StatusOK:
			return "refused"
		}
		return "accepted as chunked, " + c.ending()
	}},
	{"conflicting Content-Lengths", "RFC 9112 6.3", []string{"400", "closed without a response"}, code(get("/100", "Content-Length: 1", "Content-Length: 2") + "ab")},
	{"invalid Content-Length", "RFC 9112 6.3", []string{"400", "closed without a response"}, code(get("/100", "Content-Length: +5") + "abcde")},
}

// then sends raw and then a request for path on the same connection: it shows
// whether content was parsed as a request.
func then(s Server, raw, path string) string {
	c := dial(s)
	defer c.close()
	c.send(raw)
	first := c.read("GET")
	if first.wrong != "" {
		return first.wrong
	}
	c.send(get(path))
	second := c.read("GET")
	if second.wrong == "" {
		if got := second.bodyOf(path); got != "200, right body" {
			return first.code() + ", then the content was parsed as a request: " + got
		}
	}
	return first.code() + ", then " + second.code()
}

// A request may be refused by a status or by closing the connection (RFC 9112 9.6
// lets a server close after an error).
var refusals = []Row{
	{"missing Host", "RFC 9112 3.2", []string{"400"}, code("GET /100 HTTP/1.1\r\n\r\n")},
	{"two Hosts", "RFC 9112 3.2", []string{"400"}, code(get("/100", "Host: other"))},
	{"space before the colon", "RFC 9112 5.1", []string{"400"}, code(get("/100", "Name : value"))},
	{"line folding", "RFC 9112 5.2", []string{"400", "200"}, code(get("/100", "Name: value\r\n more"))},
	{"field line without a colon", "RFC 9112 5", []string{"400"}, code(get("/100", "Name"))},
	{"control character in a field name", "RFC 9110 5.1", []string{"400"}, code(get("/100", "Na\x01me: value"))},
	{"garbage", "RFC 9112 3", []string{"400", "501", "closed without a response"}, code("\x16\x03\x01\x02\x00 garbage\r\n\r\n")},
	{"request line without a target", "RFC 9112 3", []string{"400", "closed without a response"}, code("GET\r\n\r\n")},
	{"target without a slash", "RFC 9112 3.2", []string{"400"}, code(get("100"))},
	{"broken percent-encoding", "RFC 3986 2.1", []string{"400", "404"}, code(get("/%zz"))},
	{"encoded NUL", "RFC 3986 7.3", []string{"400", "404"}, code(get("/100%00"))},
	{"POST", "RFC 9110 15.5.6", []string{"405 with Allow"}, allow("POST")},
	{"DELETE", "RFC 9110 15.5.6", []string{"405 with Allow"}, allow("DELETE")},
	{"unknown method", "RFC 9110 15.6.2", []string{"405 with Allow", "501"}, allow("BREW")},
	{"target too long", "RFC 9110 15.5.15", []string{"414"}, code(get("/" + strings.Repeat("a", 9<<10)))},
	{"field line too long", "RFC 6585 5", []string{"431"}, code(get("/100", "Name: "+strings.Repeat("a", 20<<10)))},
	{"too many field lines", "RFC 6585 5", []string{"431"}, code(get("/100", manyFields()...))},
	{"HTTP/2.0", "RFC 9110 15.6.6", []string{"505"}, code("GET /100 HTTP/2.0\r\nHost: site\r\n\r\n")},
	{"HTTP/9.9", "RFC 9110 15.6.6", []string{"505"}, code("GET /100 HTTP/9.9\r\nHost: site\r\n\r\n")},
	{"malformed HTTP version", "RFC 9112 2.3", []string{"400", "505", "closed without a response"}, code("GET /100 HTTX/1.1\r\nHost: site\r\n\r\n")},
}

func allow(method string) func(Server) string {
	return func(s Server) string {
		return single(s, request(method, "/100", "Content-Length: 0"), func(r reply) string {
			if r.status == http.StatusMethodNotAllowed {
				allow := r.header.Get("Allow")
				if strings.Contains(allow, "GET") && strings.Contains(allow, "HEAD") {
					return "405 with Allow"
				}
				return "405 without Allow"
			}
			return r.code()
		})
	}
}

func manyFields() []string {
	fields := make([]string, 1200)
	for i := range fields {
		fields[i] = fmt.Sprintf("Name-%d: %s", i, strings.Repeat("a", 16))
	}
	return fields
}

func escapes() []Row {
	var rows []Row
	for _, target := range []string{"/../secret", "/%2e%2e/secret", "/..%2fsecret", "/dir/../../secret", "/dir/%2e%2e%2f%2e%2e%2fsecret", "//../secret", "/..%5csecret", "/./.././secret", "/escape"} {
		rows = append(rows, Row{"path traversal " + target, "contract", []string{"400", "403", "404"}, func(s Server) string {
			return single(s, get(target), func(r reply) string {
				// A server may normalize the path and redirect the client there.
				if r.status/100 == 3 && r.location().Host == "site" {
					return "404"
				}
				return r.codeOrTarget()
			})
		}})
	}
	return rows
}

var endurance = []Row{
	{"slow reader of 1 MiB", "RFC 9293 3.8.6", []string{"200, right body"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		if c.wrong != "" {
			return c.wrong
		}
		_ = c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		c.r.Reset(&slow{c.Conn})
		c.send(get("/1M"))
		return c.read("GET").bodyOf("/1M")
	}},
	{"survives client resets", "RFC 9293 3.5.3", []string{"200, right body"}, func(s Server) string {
		for range 20 {
			c := dial(s)
			c.send(get("/64M"))
			if c.wrong == "" {
				_ = c.SetReadDeadline(time.Now().Add(patience))
				_, _ = io.CopyN(io.Discard, c.r, 10_000)
				_ = c.Conn.(*net.TCPConn).SetLinger(0)
			}
			c.close()
		}
		return body("/100", get("/100"))(s)
	}},
	{"64 connections at once", "contract", []string{"64 of 64 right"}, func(s Server) string {
		return atOnce(64, func(int) string { return withRetries(s, "/100", "/1K", "/16K", "/0") }, "4 of 4 right")
	}},
}

// slow is a reader that reads a little at a time and pauses.
type slow struct{ net.Conn }

func (s *slow) Read(p []byte) (int, error) {
	if len(p) > 8<<10 {
		p = p[:8<<10]
	}
	time.Sleep(500 * time.Microsecond)
	return s.Conn.Read(p)
}
