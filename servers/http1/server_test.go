// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testSite writes a small tree and loads it.
func testSite(t testing.TB) *Site {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, n int) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, bytes.Repeat([]byte{'x'}, n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, n := range map[string]int{"0": 0, "100": 100, "1K": 1024, "16K": 16 << 10,
		"index.html": 50, "dir/index.html": 60, "name with space": 100} {
		write(name, n)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "escape")); err != nil {
		t.Fatal(err)
	}
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// converse feeds in to a new stream, cut at the given lengths, and returns
// what the server sends and whether it would close.
func converse(s *Server, in []byte, cut func(left int) int) (out []byte, closed bool) {
	var c Stream
	var buf []byte
	for len(in) > 0 {
		k := cut(len(in))
		buf = append(buf, in[:k]...)
		in = in[k:]
		for len(buf) > 0 {
			n, r := s.Serve(&c, buf)
			buf = buf[n:]
			if r == nil {
				break
			}
			out = append(append(out, r.Head...), r.Body...)
			closed = closed || r.Close
		}
		if len(buf) > MaxRequest {
			panic("more left than promised")
		}
	}
	return out, closed
}

func whole(left int) int { return left }

func TestAnswers(t *testing.T) {
	const h = "Host: a\r\n"
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		name, in string
		want     string // statuses, "c" for close
	}{
		{"get", "GET /100 HTTP/1.1\r\n" + h + "\r\n", "200"},
		{"head", "HEAD /100 HTTP/1.1\r\n" + h + "\r\n", "200"},
		{"index", "GET / HTTP/1.1\r\n" + h + "\r\n", "200"},
		{"directory", "GET /dir/ HTTP/1.1\r\n" + h + "\r\n", "200"},
		{"directory without slash", "GET /dir HTTP/1.1\r\n" + h + "\r\n", "301"},
		{"percent", "GET /%31%300 HTTP/1.1\r\n" + h + "\r\n", "200"},
		{"percent, space", "GET /name%20with%20space HTTP/1.1\r\n" + h + "\r\n", "200"},
		{"query", "GET /100?a=%zz&b HTTP/1.1\r\n" + h + "\r\n", "200"},
		{"absolute", "GET http://h:80/100 HTTP/1.1\r\n" + h + "\r\n", "200"},
		{"absolute, no path", "GET http://h HTTP/1.1\r\n" + h + "\r\n", "200"},
		{"absolute, query only", "GET http://h?x HTTP/1.1\r\n" + h + "\r\n", "200"},
		{"absolute, other scheme", "GET ftp://h/100 HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"three pipelined", strings.Repeat("GET /0 HTTP/1.1\r\n"+h+"\r\n", 3), "200 200 200"},
		{"empty line first", "\r\nGET /0 HTTP/1.1\r\n" + h + "\r\n", "200"},
		{"close", "GET /0 HTTP/1.1\r\n" + h + "Connection: x, Close\r\n\r\nGET /0 HTTP/1.1\r\n" + h + "\r\n", "200c"},
		{"1.0", "GET /0 HTTP/1.0\r\n\r\n", "200c"},
		{"1.0 keep-alive", "GET /0 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /0 HTTP/1.0\r\n\r\n", "200 200c"},
		{"1.9", "GET /0 HTTP/1.9\r\n" + h + "\r\n", "200"},
		{"2.0", "GET /0 HTTP/2.0\r\n" + h + "\r\n", "505c"},
		{"0.9", "GET /0\r\n", "400c"},
		{"unknown", "GET /nope HTTP/1.1\r\n" + h + "\r\n", "404"},
		{"parent", "GET /../etc/passwd HTTP/1.1\r\n" + h + "\r\n", "404"},
		{"parent, encoded", "GET /%2e%2e%2fetc/passwd HTTP/1.1\r\n" + h + "\r\n", "404"},
		{"symlink", "GET /escape HTTP/1.1\r\n" + h + "\r\n", "404"},
		{"nul", "GET /100%00 HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"bad percent", "GET /%4 HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"fragment", "GET /100#a HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"space in target", "GET /1 00 HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"no host", "GET /0 HTTP/1.1\r\n\r\n", "400c"},
		{"two hosts", "GET /0 HTTP/1.1\r\n" + h + h + "\r\n", "400c"},
		{"bad host", "GET /0 HTTP/1.1\r\nHost: a b\r\n\r\n", "400c"},
		{"space before colon", "GET /0 HTTP/1.1\r\nHost : a\r\n\r\n", "400c"},
		{"folded", "GET /0 HTTP/1.1\r\n" + h + "A: b\r\n c\r\n\r\n", "400c"},
		{"no colon", "GET /0 HTTP/1.1\r\n" + h + "A\r\n\r\n", "400c"},
		{"no name", "GET /0 HTTP/1.1\r\n" + h + ": a\r\n\r\n", "400c"},
		{"nul in value", "GET /0 HTTP/1.1\r\n" + h + "A: b\x00cdefghijk\r\n\r\n", "400c"},
		{"tab in value", "GET /0 HTTP/1.1\r\n" + h + "A: bcdefgh\tijk\r\n\r\n", "200"},
		{"utf-8 in value", "GET /0 HTTP/1.1\r\n" + h + "A: bcdefghé\r\n\r\n", "200"},
		{"bare LF", "GET /0 HTTP/1.1\n" + h + "\r\n", "400c"},
		{"bare LF in head", "GET /0 HTTP/1.1\r\nHost: a\n\r\n", "400c"},
		{"TLS", "\x16\x03\x01\x02\x00", "400c"},
		{"post", "POST /100 HTTP/1.1\r\n" + h + "Content-Length: 3\r\n\r\nabcGET /0 HTTP/1.1\r\n" + h + "\r\n", "405 200"},
		{"unknown method", "FROB /100 HTTP/1.1\r\n" + h + "\r\n", "501"},
		{"options", "OPTIONS * HTTP/1.1\r\n" + h + "\r\n", "405"},
		{"connect", "CONNECT a:80 HTTP/1.1\r\n" + h + "\r\n", "501"},
		{"long target", "GET /" + long(MaxTarget) + " HTTP/1.1\r\n" + h + "\r\n", "414c"},
		{"endless target", "GET /" + long(2*MaxTarget), "414c"},
		{"longest target", "GET /" + long(MaxTarget-1) + " HTTP/1.1\r\n" + h + "\r\n", "404"},
		{"long field", "GET /0 HTTP/1.1\r\n" + h + "A: " + long(MaxField) + "\r\n\r\n", "431c"},
		{"endless field", "GET /0 HTTP/1.1\r\n" + h + "A: " + long(MaxField+1), "431c"},
		{"long head", "GET /0 HTTP/1.1\r\n" + h + strings.Repeat("A: "+long(1000)+"\r\n", 17) + "\r\n", "431c"},
		{"content", "GET /0 HTTP/1.1\r\n" + h + "Content-Length: 5\r\n\r\n12345GET /100 HTTP/1.1\r\n" + h + "\r\n", "200 200"},
		{"two lengths", "GET /0 HTTP/1.1\r\n" + h + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "400c"},
		{"length list", "GET /0 HTTP/1.1\r\n" + h + "Content-Length: 5, 5\r\n\r\n", "400c"},
		{"negative length", "GET /0 HTTP/1.1\r\n" + h + "Content-Length: -1\r\n\r\n", "400c"},
		{"huge length", "GET /0 HTTP/1.1\r\n" + h + "Content-Length: 99999999999999999999\r\n\r\n", "400c"},
		{"chunked", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\nT: x\r\n\r\nGET /100 HTTP/1.1\r\n" + h + "\r\n", "200 200"},
		{"chunked, no trailer", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /100 HTTP/1.1\r\n" + h + "\r\n", "200 200"},
		{"bad chunk", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "200 400c"},
		{"bad chunk end", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc", "200 400c"},
		{"huge chunk", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n", "200 400c"},
		{"chunked and length", "GET /0 HTTP/1.1\r\n" + h + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "400c"},
		{"chunked in 1.0", "GET /0 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400c"},
		{"other coding", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: gzip, chunked\r\n\r\n", "400c"},
		{"expect", "POST /0 HTTP/1.1\r\n" + h + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", "405c"},
		{"unfinished", "GET /0 HTTP/1.1\r\n" + h, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewServer(testSite(t))
			s.SetTime(784111777)
			for _, piece := range []int{1 << 20, 1, 7} {
				out, closed := converse(s, []byte(c.in), func(left int) int { return min(left, piece) })
				got := statusesOf(t, out, strings.HasPrefix(c.in, "HEAD"))
				if closed {
					got += "c"
				}
				if got != c.want {
					t.Errorf("pieces of %d: got %q, want %q", piece, got, c.want)
				}
			}
		})
	}
}

// statusesOf reads the responses with net/http, and so checks their framing.
func statusesOf(t *testing.T, out []byte, head bool) string {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(out))
	var all []string
	method := "GET"
	if head {
		method = "HEAD"
	}
	for {
		if _, err := r.Peek(1); err == io.EOF {
			return strings.Join(all, " ")
		}
		p, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("after %v: %v in %q", all, err, out)
		}
		if _, err := io.Copy(io.Discard, p.Body); err != nil {
			t.Fatal(err)
		}
		if p.Header.Get("Date") != "Sun, 06 Nov 1994 08:49:37 GMT" {
			t.Errorf("Date: %q", p.Header.Get("Date"))
		}
		all = append(all, fmt.Sprint(p.StatusCode))
	}
}

func TestResponsesKeepTheirBytes(t *testing.T) {
	s := NewServer(testSite(t))
	ask := []byte("GET /100 HTTP/1.1\r\nHost: a\r\n\r\n")
	s.SetTime(1)
	var c Stream
	_, r := s.Serve(&c, ask)
	head, before := r.Head, string(r.Head)
	s.SetTime(2)
	_, r = s.Serve(&c, ask)
	if string(head) != before {
		t.Error("a response that may still be on its way was written again")
	}
	if string(r.Head) == before {
		t.Error("Date did not advance")
	}
}

func TestNoAllocation(t *testing.T) {
	s := NewServer(testSite(t))
	s.SetTime(1)
	ask := []byte("GET /100 HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\n\r\n")
	var c Stream
	if n := testing.AllocsPerRun(1000, func() { s.Serve(&c, ask) }); n != 0 {
		t.Errorf("%v allocations per request", n)
	}
}

func TestLoadErrors(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error for a root that is not there")
	}
}

// FuzzServe holds the engine to what must be true of any input: however it is
// cut the answers are the same, and what it answers with 200 is a request that
// net/http takes too.
func FuzzServe(f *testing.F) {
	f.Add([]byte("GET /100 HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.0\r\n\r\n"), uint64(1))
	f.Add([]byte("GET /0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n"), uint64(2))
	f.Add([]byte("POST http://h/%31?x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close, x\r\n\r\nab"), uint64(3))
	s := NewServer(testSite(f))
	s.SetTime(784111777)
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		a, closedA := converse(s, in, whole)
		rnd := rand.New(rand.NewPCG(seed, 0))
		b, closedB := converse(s, in, func(left int) int { return 1 + rnd.IntN(left) })
		if !bytes.Equal(a, b) || closedA != closedB {
			t.Fatalf("whole:\n%q %v\ncut:\n%q %v", a, closedA, b, closedB)
		}
		var c Stream
		n, r := s.Serve(&c, in)
		if n > len(in) {
			t.Fatalf("took %d of %d bytes", n, len(in))
		}
		if r != nil && r.Status == http.StatusOK {
			q, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(bytes.TrimLeft(in, "\r\n"))))
			if err != nil {
				// Where net/http is the stricter one, it is so on purpose of its own.
				if e := err.Error(); strings.Contains(e, "malformed HTTP version") || strings.Contains(e, "invalid URL") ||
					strings.Contains(e, "missing protocol scheme") || strings.HasPrefix(e, "parse ") {
					t.Skip()
				}
				t.Fatalf("answered %q, which net/http refuses: %v", in, err)
			}
			if q.Method != "GET" && q.Method != "HEAD" {
				t.Fatalf("answered %s", q.Method)
			}
		}
	})
}

func BenchmarkServe(b *testing.B) {
	s := NewServer(testSite(b))
	s.SetTime(1)
	for name, ask := range map[string]string{
		"wrk":     "GET /100 HTTP/1.1\r\nHost: 10.78.0.3\r\n\r\n",
		"curl":    "GET /100 HTTP/1.1\r\nHost: 10.78.0.3:80\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
		"browser": "GET /100 HTTP/1.1\r\nHost: 10.78.0.3:80\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\n\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			in := []byte(ask)
			var c Stream
			b.ReportAllocs()
			for b.Loop() {
				if _, r := s.Serve(&c, in); r == nil || r.Status != 200 {
					b.Fatal("not answered")
				}
			}
		})
	}
}
