// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"strings"
	"time"

	"crossing/servers/site"
)

// behind sends raw and a request behind it. After a request that may be read in
// two ways, the server must not parse what follows.
func behind(raw string) func(Server) string {
	return func(s Server) string {
		c := dial(s)
		defer c.close()
		c.send(raw + get("/1K") + get("/1K"))
		want, _ := site.Body("/1K")
		first := ""
		for range 4 {
			r := c.read("GET")
			if r.wrong != "" && first == "" {
				return r.wrong
			}
			if r.wrong == "no response" {
				return first + ", then neither closes nor responds"
			}
			if r.wrong != "" {
				break
			}
			if string(r.body) == string(want) {
				return strings.TrimPrefix(first+", then parses on", ", ")
			}
			if first == "" {
				first = r.code()
			}
		}
		return first + ", then closes"
	}
}

var (
	refused      = []string{"400, then closes", "501, then closes", "closed without a response"}
	afterOK      = []string{"200, then closes", "400, then closes", "501, then closes", "closed without a response"}
	contentSkips = []string{"200, then 200", "405, then 200"}
)

const hidden = "GET /64K HTTP/1.1\r\nHost: site\r\n\r\n" // a request as content

var hiddenChunked = fmt.Sprintf("%X\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)

var smuggling = []Row{
	{"chunked content is no request", "RFC 9112 7.1", contentSkips, skips(get("/100", "Transfer-Encoding: chunked") + hiddenChunked)},
	{"chunked content of a refused POST is no request", "RFC 9112 7.1", contentSkips, skips(request("POST", "/100", "Transfer-Encoding: chunked") + hiddenChunked)},
	{"chunk extension and trailer", "RFC 9112 7.1.1", contentSkips, skips(get("/100", "Transfer-Encoding: chunked") + "3;a=b\r\nabc\r\n0\r\nGET: /64K\r\n\r\n")},
	{"chunk size of several digits", "RFC 9112 7.1", contentSkips, skips(get("/100", "Transfer-Encoding: chunked") + "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n")},
	{"Transfer-Encoding in any case", "RFC 9110 5.1", contentSkips, skips(get("/100", "tRaNsFeR-eNcOdInG: cHuNkEd") + hiddenChunked)},
	{"Content-Length in any case", "RFC 9110 5.1", contentSkips, skips(get("/100", fmt.Sprintf("cOnTeNt-LeNgTh: %d", len(hidden))) + hidden)},
	{"white space around a value", "RFC 9112 5.1", contentSkips, skips(get("/100", fmt.Sprintf("Content-Length: \t %d \t", len(hidden))) + hidden)},
	{"content in a later segment", "RFC 9112 6", contentSkips, func(s Server) string {
		c := dial(s)
		defer c.close()
		c.send(get("/100", fmt.Sprintf("Content-Length: %d", len(hidden))))
		time.Sleep(50 * time.Millisecond)
		c.send(hidden)
		return c.skipped()
	}},
	{"invalid chunk size", "RFC 9112 7.1", afterOK, behind(get("/100", "Transfer-Encoding: chunked") + "0x0\r\n\r\n")},
	{"chunk without its end", "RFC 9112 7.1", afterOK, behind(get("/100", "Transfer-Encoding: chunked") + "1\r\naX\n0\r\n\r\n")},
	{"unknown transfer coding", "RFC 9112 6.1", refused, behind(get("/100", "Transfer-Encoding: gzip, chunked") + "0\r\n\r\n")},
	{"request behind conflicting Content-Lengths", "RFC 9112 6.3", refused, behind(get("/100", "Content-Length: 1", "Content-Length: 2"))},
	{"request behind two Hosts", "RFC 9112 3.2", refused, behind(get("/100", "Host: other"))},
	{"request behind an invalid field line", "RFC 9112 5", refused, behind(get("/100", "Name"))},
	{"NUL in a field value", "RFC 9110 5.5", refused, behind(get("/100", "Name: a\x00b"))},
	{"bare CR in a field value", "RFC 9112 2.2", refused, behind(get("/100", "Name: a\rb"))},
	{"bare LF in the header section", "RFC 9112 2.2", append([]string{"200, then parses on"}, refused...), behind("GET /100 HTTP/1.1\r\nHost: site\nName: b\r\n\r\n")},
	{"two spaces in the request line", "RFC 9112 3", refused, behind("GET  /100 HTTP/1.1\r\nHost: site\r\n\r\n")},
}

// skips sends a request with content and then another: only two responses may
// come.
func skips(raw string) func(Server) string {
	return func(s Server) string {
		c := dial(s)
		defer c.close()
		c.send(raw)
		return c.skipped()
	}
}

func (c *conn) skipped() string {
	first := c.read("GET")
	if first.wrong != "" {
		return first.wrong
	}
	c.send(get("/1K"))
	second := c.read("GET")
	if second.wrong == "" {
		if got := second.bodyOf("/1K"); got != "200, right body" {
			return first.code() + ", then the content was parsed as a request"
		}
	}
	return first.code() + ", then " + second.code()
}
