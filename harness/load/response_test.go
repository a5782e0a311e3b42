// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// feed gives a reader the bytes of one connection, cut into pieces of the given
// size, and returns what it made of the first response.
func feed(b []byte, piece int, m *memory) (r reader, used int, v verdict) {
	r.split = make([]byte, 0, maxHead)
	for used < len(b) {
		n, v := r.read(b[used:min(used+piece, len(b))], m)
		used += n
		if v != more {
			return r, used, v
		}
	}
	return r, used, r.end()
}

func newMemory() *memory { return &memory{text: make([]byte, 0, 1024)} }

func TestReader(t *testing.T) {
	long := strings.Repeat("x", maxHead)
	for _, test := range []struct {
		name, in string
		verdict  verdict
		status   uint16
		bytes    int64
		last     bool
		rest     string
	}{
		{name: "length", in: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", verdict: whole, status: 200, bytes: 3},
		{name: "empty", in: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", verdict: whole, status: 200},
		{name: "no reason", in: "HTTP/1.1 404 \r\ncontent-LENGTH:0\r\n\r\n", verdict: whole, status: 404},
		{name: "no reason, no space", in: "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", verdict: whole, status: 404},
		{name: "surplus", in: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\r\n", verdict: whole, status: 200, bytes: 3, rest: "\r\n"},
		{name: "until close", in: "HTTP/1.1 200 OK\r\n\r\nabcdef", verdict: whole, status: 200, bytes: 6, last: true},
		{name: "close", in: "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 1\r\n\r\na", verdict: whole, status: 200, bytes: 1, last: true},
		{name: "1.0", in: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", verdict: whole, status: 200, bytes: 1, last: true},
		{name: "1.0 kept alive", in: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", verdict: whole, status: 200, bytes: 1},
		{name: "close beats keep-alive", in: "HTTP/1.0 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", verdict: whole, status: 200, bytes: 1, last: true},
		{name: "chunks", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", verdict: whole, status: 200, bytes: 13},
		{name: "trailer", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\nZ: w\r\n\r\nrest", verdict: whole, status: 200, bytes: 1, rest: "rest"},
		{name: "continue first", in: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", verdict: whole, status: 200, bytes: 2},
		{name: "no content", in: "HTTP/1.1 204 No Content\r\n\r\n", verdict: whole, status: 204},
		{name: "not modified", in: "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", verdict: whole, status: 304},
		{name: "same length twice", in: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", verdict: whole, status: 200, bytes: 1},

		{name: "cut head", in: "HTTP/1.1 200 OK\r\nContent-Le", verdict: more},
		{name: "cut body", in: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", verdict: more, status: 200, bytes: 2},
		{name: "cut chunk", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", verdict: more, status: 200, bytes: 2},

		{name: "garbage", in: "\x00\x01\x02", verdict: malformed},
		{name: "HTTP/2", in: "HTTP/2.0 200 OK\r\n\r\n", verdict: malformed},
		{name: "HTTP/1.2", in: "HTTP/1.2 200 OK\r\n\r\n", verdict: malformed},
		{name: "bare LF", in: "HTTP/1.1 200 OK\nContent-Length: 0\n\n", verdict: malformed},
		{name: "status 600", in: "HTTP/1.1 600 No\r\nContent-Length: 0\r\n\r\n", verdict: malformed},
		{name: "status letters", in: "HTTP/1.1 2x0 No\r\nContent-Length: 0\r\n\r\n", verdict: malformed},
		{name: "upgrade", in: "HTTP/1.1 101 Switching\r\n\r\n", verdict: malformed},
		{name: "no colon", in: "HTTP/1.1 200 OK\r\nContent-Length 0\r\n\r\n", verdict: malformed},
		{name: "space before colon", in: "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", verdict: malformed},
		{name: "folded", in: "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", verdict: malformed},
		{name: "two lengths", in: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", verdict: malformed},
		{name: "length and chunks", in: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", verdict: malformed},
		{name: "negative length", in: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", verdict: malformed},
		{name: "signed length", in: "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", verdict: malformed},
		{name: "huge length", in: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", verdict: malformed},
		{name: "gzip coding", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", verdict: malformed},
		{name: "chunks in 1.0", in: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", verdict: malformed},
		{name: "chunk size", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", verdict: malformed},
		{name: "no chunk size", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", verdict: malformed},
		{name: "huge chunk", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", verdict: malformed},
		{name: "chunk too long", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", verdict: malformed},
		{name: "endless line", in: "HTTP/1.1 200 OK\r\nA: " + long, verdict: malformed},
		{name: "endless head", in: "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", maxHead/6), verdict: malformed},
		{name: "endless trailer", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + long, verdict: malformed},
		{name: "NUL", in: "HTTP/1.1 200 OK\r\nA: \x00\r\nContent-Length: 0\r\n\r\n", verdict: malformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, piece := range []int{1, 2, 3, 7, 64, 1 << 20} {
				m := newMemory()
				for range 2 { // the second time from memory
					r, used, v := feed([]byte(test.in), piece, m)
					if v != test.verdict {
						t.Fatalf("pieces of %d: verdict %d, want %d", piece, v, test.verdict)
					}
					if v == malformed {
						continue
					}
					if v == whole && test.in[used:] != test.rest {
						t.Errorf("pieces of %d: left %q, want %q", piece, test.in[used:], test.rest)
					}
					if r.head.status != test.status || r.partial() != test.bytes && r.bytes != test.bytes || v == whole && r.head.last != test.last {
						t.Errorf("pieces of %d: status %d, %d bytes, last %v", piece, r.head.status, r.bytes, r.head.last)
					}
				}
			}
		})
	}
}

// FuzzReader checks two things of any bytes: that how they are cut changes
// nothing, and that what is taken for a whole response is one to net/http, with
// the same status and length.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.0 500 Oh\r\nConnection: keep-alive\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
	} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		if piece < 1 || piece > len(b)+1 {
			piece = 1
		}
		r1, used1, v1 := feed(b, max(1, len(b)), newMemory())
		r2, used2, v2 := feed(b, piece, newMemory())
		if v1 != v2 || v1 == whole && (used1 != used2 || r1.bytes != r2.bytes || r1.head.status != r2.head.status) {
			t.Fatalf("at once: verdict %d, %d used, %d bytes; in pieces of %d: %d, %d, %d", v1, used1, r1.bytes, piece, v2, used2, r2.bytes)
		}
		if v1 != whole {
			return
		}
		in := bufio.NewReader(bytes.NewReader(b))
		response, err := http.ReadResponse(in, nil)
		for err == nil && response.StatusCode < 200 {
			response, err = http.ReadResponse(in, nil)
		}
		if err != nil {
			return // net/http also judges what does not bear on the framing
		}
		n, err := io.Copy(io.Discard, response.Body)
		if err != nil {
			return
		}
		if response.StatusCode != int(r1.head.status) || n != r1.bytes {
			t.Fatalf("status %d, %d bytes; net/http: %d, %d", r1.head.status, r1.bytes, response.StatusCode, n)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	in := []byte("HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: application/octet-stream\r\n" +
		"Content-Length: 100\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"65920080-64\"\r\nAccept-Ranges: bytes\r\n\r\n" + strings.Repeat("x", 100))
	for name, forget := range map[string]bool{"remembered": false, "parsed": true} {
		b.Run(name, func(b *testing.B) {
			m, r := newMemory(), reader{split: make([]byte, 0, maxHead)}
			for b.Loop() {
				if forget {
					m.text = m.text[:0]
				}
				if _, v := r.read(in, m); v != whole {
					b.Fatal(v)
				}
			}
		})
	}
}
