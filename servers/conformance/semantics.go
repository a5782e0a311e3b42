// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// location returns the absolute target of a redirection.
func (r reply) location() *url.URL {
	base := &url.URL{Scheme: "http", Host: "site", Path: "/dir"}
	u, err := base.Parse(r.header.Get("Location"))
	if err != nil || r.header.Get("Location") == "" {
		return &url.URL{}
	}
	return u
}

// codeOrTarget returns the status or, of a redirection, its target.
func (r reply) codeOrTarget() string {
	if r.status/100 != 3 {
		return r.code()
	}
	if u := r.location(); u.Host == "site" {
		return "redirected to " + u.Path
	}
	return "redirected elsewhere"
}

// field describes a header field of the response to raw.
func field(raw, name string, conforms func(string) bool) func(Server) string {
	return func(s Server) string {
		return single(s, raw, func(r reply) string {
			switch {
			case r.wrong != "":
				return r.wrong
			case conforms(r.header.Get(name)):
				return r.code() + " with " + name
			}
			return r.code() + " without " + name
		})
	}
}

var semantics = []Row{
	{"Content-Type", "RFC 9110 8.3", []string{"200 with Content-Type"}, field(get("/100"), "Content-Type", func(v string) bool { return v != "" })},
	{"percent-encoding, upper-case hex digits", "RFC 3986 2.1", []string{"200, right body"}, body("/1K", get("/1%4B"))},
	{"percent-encoding, lower-case hex digits", "RFC 3986 2.1", []string{"200, right body"}, body("/1K", get("/1%4b"))},
	{"HEAD of a missing file", "RFC 9110 9.3.2", []string{"404, no body"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		c.send(request("HEAD", "/no-such-file") + get("/100"))
		r := c.read("HEAD")
		if next := c.read("GET"); next.wrong == "no HTTP response" {
			return r.code() + " with a body"
		}
		return r.code() + ", no body"
	}},
	{"TRACE", "RFC 9110 9.3.8", []string{"does not echo"}, func(s Server) string {
		return single(s, request("TRACE", "/100", "X-Secret: 5ecret"), func(r reply) string {
			if strings.Contains(string(r.body), "5ecret") {
				return "echoes the request"
			}
			return "does not echo"
		})
	}},
	{"If-None-Match: *", "RFC 9110 13.1.2", []string{"304, stays open"}, codeAndEnd(get("/100", "If-None-Match: *"))},
	{"If-Match that fails", "RFC 9110 13.1.1", []string{"412, stays open", "412, closes"}, codeAndEnd(get("/100", `If-Match: "none"`))},
	{"field names in any case", "RFC 9110 5.1", []string{"200"}, code("GET /100 HTTP/1.1\r\nhOsT: site\r\n\r\n")},
	{"empty field value", "RFC 9110 5.5", []string{"200"}, code(get("/100", "Name:"))},
	{"Host with a space", "RFC 9112 3.2", []string{"400"}, code("GET /100 HTTP/1.1\r\nHost: a b\r\n\r\n")},
	{"Host with an invalid port", "RFC 9112 3.2", []string{"400"}, code("GET /100 HTTP/1.1\r\nHost: a:b\r\n\r\n")},
	{"Host with userinfo", "RFC 9112 3.2", []string{"400"}, code("GET /100 HTTP/1.1\r\nHost: u@a\r\n\r\n")},
	{"target of 7900 bytes", "RFC 9112 3", []string{"404", "403"}, code(get("/" + strings.Repeat("a", 7900)))},
	{"field line too long, in one segment and in several", "RFC 6585 5", []string{"the same"}, func(s Server) string {
		raw := get("/100", strings.Repeat("a", 9000)+": b")
		whole := code(raw)(s)
		c := dial(s)
		defer c.close()
		for at := 0; at < len(raw); at += 1000 {
			c.send(raw[at:min(at+1000, len(raw))])
			time.Sleep(time.Millisecond)
		}
		if pieces := c.read("GET").code(); pieces != whole {
			return whole + ", in several " + pieces
		}
		return "the same"
	}},
	{"response to Connection: close", "RFC 9112 9.6", []string{"200 with Connection: close"}, func(s Server) string {
		return single(s, get("/100", "Connection: close"), func(r reply) string {
			if r.wrong == "" && !r.close {
				return r.code() + " without Connection: close"
			}
			return r.code() + " with Connection: close"
		})
	}},
	{"Connection is a list", "RFC 9110 7.6.1", []string{"200, closes"}, codeAndEnd(get("/100", "Connection: keep-alive, close"))},
	{"Connection: close in a second field", "RFC 9110 5.2", []string{"200, closes"}, codeAndEnd(get("/100", "Connection: keep-alive", "Connection: close"))},
	{"Connection: other option", "RFC 9110 7.6.1", []string{"200, stays open"}, codeAndEnd(get("/100", "Connection: closed"))},
	{"Expect, content held back", "RFC 9110 10.1.1", []string{"responds, closes", "asks for the content"}, func(s Server) string {
		c := dial(s)
		defer c.close()
		c.send(request("POST", "/100", "Content-Length: 5", "Expect: 100-continue"))
		r := c.read("POST")
		switch {
		case r.wrong != "":
			return r.wrong
		case r.status == http.StatusContinue:
			return "asks for the content"
		}
		// The client may send the content or not, so the start of the next request
		// is not known.
		if c.read("GET").wrong == "no response" {
			return "responds, stays open"
		}
		return "responds, closes"
	}},
}
