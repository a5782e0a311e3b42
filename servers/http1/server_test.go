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

// converse passes in to a new stream, cut at the given lengths, and returns what
// the server sends and whether it closes.
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
			panic("more is left than MaxRequest")
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
		{"bad chunk", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "200c"},
		{"bad chunk end", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc", "200c"},
		{"huge chunk", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n", "200c"},
		{"chunked and length", "GET /0 HTTP/1.1\r\n" + h + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "400c"},
		{"chunked in 1.0", "GET /0 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400c"},
		{"other coding", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: gzip, chunked\r\n\r\n", "400c"},
		{"host with a port name", "GET /0 HTTP/1.1\r\nHost: a:b\r\n\r\n", "400c"},
		{"host with broken encoding", "GET /0 HTTP/1.1\r\nHost: %zz\r\n\r\n", "400c"},
		{"host with a bracket", "GET /0 HTTP/1.1\r\nHost: [\r\n\r\n", "400c"},
		{"host of colons", "GET /0 HTTP/1.1\r\nHost: :::\r\n\r\n", "400c"},
		{"host with userinfo", "GET /0 HTTP/1.1\r\nHost: u@a\r\n\r\n", "400c"},
		{"host is IPv6", "GET /0 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "200"},
		{"host is empty", "GET /0 HTTP/1.1\r\nHost:\r\n\r\n", "200"},
		{"host with an empty port", "GET /0 HTTP/1.1\r\nHost: a:\r\n\r\n", "200"},
		{"absolute, two ports", "GET http://a:1:2/100 HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"absolute, userinfo", "GET http://u@a/100 HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"absolute, no host", "GET http://:80/100 HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"HEAD, bad target", "HEAD /%zz HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"HEAD, long target", "HEAD /" + long(MaxTarget) + " HTTP/1.1\r\n" + h + "\r\n", "414c"},
		{"HEAD, endless target", "HEAD /" + long(2*MaxTarget), "414c"},
		{"HEAD, 2.0", "HEAD /0 HTTP/2.0\r\n" + h + "\r\n", "505c"},
		{"HEAD, unknown", "HEAD /nope HTTP/1.1\r\n" + h + "\r\n", "404"},
		{"connect, bare CR", "CONNECT a\rb HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"connect, NUL", "CONNECT a\x00b HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"connect, spaces", "CONNECT a b HTTP/1.1\r\n" + h + "\r\n", "400c"},
		{"NUL in chunk extension", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\n0;\x00\r\n\r\n", "200c"},
		{"trailer without a colon", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\n0\r\nT\r\n\r\n", "200c"},
		{"NUL in trailer", "GET /0 HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\n\r\n0\r\nT: \x00\r\n\r\n", "200c"},
		{"if-none-match any", "GET /100 HTTP/1.1\r\n" + h + "If-None-Match: *\r\n\r\nGET /0 HTTP/1.1\r\n" + h + "\r\n", "304 200"},
		{"if-none-match a tag", "GET /100 HTTP/1.1\r\n" + h + "If-None-Match: \"zz\"\r\n\r\n", "200"},
		{"if-match a tag", "GET /100 HTTP/1.1\r\n" + h + "If-Match: \"zz\"\r\n\r\n", "412"},
		{"if-match any", "GET /100 HTTP/1.1\r\n" + h + "If-Match: *\r\n\r\n", "200"},
		{"if-match comes first", "GET /100 HTTP/1.1\r\n" + h + "If-None-Match: *\r\nIf-Match: \"zz\"\r\n\r\n", "412"},
		{"preconditions of a missing file", "GET /nope HTTP/1.1\r\n" + h + "If-Match: \"zz\"\r\n\r\n", "404"},
		{"expect in 1.0", "POST /0 HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n12345GET /0 HTTP/1.1\r\n" + h + "\r\n", "405 200"},
		{"expect in a list", "POST /0 HTTP/1.1\r\n" + h + "Content-Length: 5\r\nExpect: 100-continue, x\r\n\r\n", "405c"},
		{"expect without content", "GET /0 HTTP/1.1\r\n" + h + "Expect: 100-continue\r\n\r\n", "200"},
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

// TestLimits: a line at a limit is accepted, and one byte more is not, however
// the request is cut.
func TestLimits(t *testing.T) {
	s := NewServer(testSite(t))
	s.SetTime(784111777)
	long := func(n int) string { return strings.Repeat("a", n) }
	const start = "GET /100 HTTP/1.1\r\nHost: a\r\n"
	for _, c := range []struct {
		name, in, want string
	}{
		{"longest value", start + "A: " + long(MaxField-3) + "\r\n\r\n", "200"},
		{"value too long", start + "A: " + long(MaxField-2) + "\r\n\r\n", "431c"},
		{"longest name", start + long(MaxField-3) + ": b\r\n\r\n", "200"},
		{"name too long", start + long(MaxField-2) + ": b\r\n\r\n", "431c"},
		{"name far too long", start + long(9000) + ": b\r\n\r\n", "431c"},
		{"name and value too long", start + long(1000) + ": " + long(7900) + "\r\n\r\n", "431c"},
		{"tab in the longest line", start + "A:\t" + long(MaxField-3) + "\r\n\r\n", "200"},
		{"too long before invalid", start + "A: \x00" + long(MaxField) + "\r\n\r\n", "431c"},
		{"too long before a bad length", start + "Content-Length: " + long(MaxField) + "\r\n\r\n", "431c"},
		{"longest header", exactly(start, MaxHeader), "200"},
		{"header too long", exactly(start, MaxHeader+1), "431c"},
		{"method too long", long(9000) + " / HTTP/1.1\r\nHost: a\r\n\r\n", "414c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cuts := map[string]func(int) int{"whole": whole}
			for _, n := range []int{1, 1000, 1448, 1460} {
				cuts[fmt.Sprint("pieces of ", n)] = func(left int) int { return min(left, n) }
			}
			for _, before := range []int{1, 2, 3, 4, 5} { // the end of the request
				first := len(c.in) - before
				cuts[fmt.Sprint(before, " bytes alone")] = func(left int) int {
					if left == len(c.in) {
						return first
					}
					return left
				}
			}
			for how, cut := range cuts {
				out, closed := converse(s, []byte(c.in), cut)
				got := statusesOf(t, out, false)
				if closed {
					got += "c"
				}
				if got != c.want {
					t.Errorf("%s: got %q, want %q", how, got, c.want)
				}
			}
		})
	}
}

// exactly returns a request that starts with start and has n bytes.
func exactly(start string, n int) string {
	b := []byte(start)
	for n-len(b) > 2000 {
		b = append(b, "A: "+strings.Repeat("a", 1000)+"\r\n"...)
	}
	return string(b) + "A: " + strings.Repeat("a", n-len(b)-7) + "\r\n\r\n"
}

// TestNoByteIsScannedTwice: a long line that is received byte by byte takes
// linear time, since the search for its end resumes where it stopped.
func TestNoByteIsScannedTwice(t *testing.T) {
	s := NewServer(testSite(t))
	for _, start := range []string{"GET /", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nA: "} {
		var c Stream
		b := []byte(start)
		for range 5000 {
			b = append(b, 'a')
			if _, r := s.Serve(&c, b); r != nil {
				t.Fatalf("%q: %d", start, r.Status)
			}
			if c.scanned != len(b) {
				t.Fatalf("%q: the search resumes at %d of %d bytes", start, c.scanned, len(b))
			}
		}
	}
}

// FuzzLimits varies lengths around the limits and cuts anywhere.
func FuzzLimits(f *testing.F) {
	f.Add(100, 8192, 3, "Content-Length", uint64(1))
	f.Add(8190, 8189, 8190, "\x00", uint64(2))
	s := NewServer(testSite(f))
	s.SetTime(784111777)
	f.Fuzz(func(t *testing.T, target, name, value int, odd string, seed uint64) {
		n := func(x int) int { return min(max(x, 0), 20_000) }
		rnd := rand.New(rand.NewPCG(seed, 1))
		end := []string{"\r\n", "\n", "\r\r\n"}[seed%3]
		in := []byte("GET /" + strings.Repeat("a", n(target)) + " HTTP/1.1\r\nHost: a\r\n" +
			strings.Repeat("n", n(name)) + odd + ": " + strings.Repeat("v", n(value)) + end + "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
		a, closedA := converse(s, in, whole)
		b, closedB := converse(s, in, func(left int) int {
			if rnd.IntN(2) == 0 {
				return 1 + rnd.IntN(min(left, 3))
			}
			return 1 + rnd.IntN(left)
		})
		if !bytes.Equal(a, b) || closedA != closedB {
			t.Fatalf("whole:\n%.300q %v\ncut:\n%.300q %v", a, closedA, b, closedB)
		}
	})
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
