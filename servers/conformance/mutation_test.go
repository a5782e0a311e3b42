// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"crossing/internal/root"
	"crossing/servers/site"
)

// allMutants, if not empty, builds every mutant and not only some: make mutation.
const allMutants = "CONFORMANCE_MUTANTS"

// A mutant is a deliberate breakage of gopoll that the named row must catch.
type mutant struct {
	file, old, new string
	row            string
	always         bool // also in the short form
}

var mutants = []mutant{
	// dates
	{file: "http1/response.go", old: "time.Unix(unix, 0)", new: "time.Unix(0, 0)", row: "Date"},
	{file: "http1/response.go", old: "http.TimeFormat)", new: "time.RFC850)", row: "Date", always: true},
	{file: "http1/response.go", old: `"\r\nDate: "`, new: `"\r\nDat: "`, row: "Date"},
	// framing of responses
	{file: "http1/response.go", old: "int64(len(body)), 10)", new: "int64(len(body)+1), 10)", row: "GET /100"},
	{file: "http1/response.go", old: `h = append(h, "Content-Type: "...)`, new: `h = append(h, "Content: "...)`, row: "Content-Type"},
	{file: "http1/response.go", old: "if v&bodyless != 0 {", new: "if false {", row: "HEAD /100"},
	{file: "http1/request.go", old: "	if q.flags&isHead != 0 {\n		v |= bodyless", new: "	if q.flags&isHead != 0 && q.status == 200 {\n		v |= bodyless", row: "HEAD of a missing file"},
	{file: "http1/response.go", old: `"Connection: close\r\n"`, new: `""`, row: "response to Connection: close"},
	{file: "http1/response.go", old: `"Connection: keep-alive\r\n"`, new: `""`, row: "HTTP/1.0 with keep-alive"},
	{file: "http1/response.go", old: `"Location: "+doc.location`, new: `"Location: http://evil"+doc.location`, row: "directory without its slash", always: true},
	{file: "http1/response.go", old: "Allow: GET, HEAD", new: "Allow: GET", row: "POST"},
	// content of requests
	{file: "http1/request.go", old: "return content{state: chunkSize}", new: "return content{}", row: "chunked content is no request", always: true},
	{file: "http1/request.go", old: "return content{left: q.length}", new: "return content{}", row: "content of a refused POST is no request"},
	{file: "http1/server.go", old: "if c.content.pending() {", new: "if c.content.state != notChunked {", row: "content in a later segment"},
	{file: "http1/content.go", old: "c.state = trailer\n		}", new: "*c = content{}\n		}", row: "chunk extension and trailer"},
	{file: "http1/content.go", old: "c.left<<4 | int64(unhex(x))", new: "int64(unhex(x))", row: "chunk size of several digits"},
	{file: "http1/content.go", old: "		default:\n			return false\n		}\n	case chunkExt:", new: "		default:\n			c.state = chunkExt\n		}\n	case chunkExt:", row: "invalid chunk size"},
	{file: "http1/content.go", old: "		c.state = chunkEnd\n		return x == '\\r'", new: "		c.state = chunkEnd\n		return true", row: "chunk without its end"},
	// what ends the connection
	{file: "http1/server.go", old: "		c.flags |= wantsClose\n", new: "", row: "request behind two Hosts", always: true},
	{file: "user/gopoll/conn.go", old: "		c.closes = r.Close\n", new: "", row: "Connection: close"},
	{file: "http1/request.go", old: "	if q.flags&(isHTTP10|wantsKeepAlive) == isHTTP10 {", new: "	if false {", row: "HTTP/1.0 closes"},
	{file: "http1/field.go", old: "if i := bytes.IndexByte(v, ','); i >= 0 {", new: "if i := bytes.IndexByte(v, ';'); i >= 0 {", row: "Connection is a list"},
	{file: "http1/field.go", old: `if hasOption(value, "close") {`, new: `if q.flags&wantsKeepAlive == 0 && hasOption(value, "close") {`, row: "Connection: close in a second field"},
	{file: "http1/request.go", old: "		q.flags |= wantsClose\n	}\n	if q.status", new: "	}\n	if q.status", row: "Expect, content held back"},
	// what is refused
	{file: "http1/field.go", old: "return validValue(value) && q.known", new: "return q.known", row: "NUL in a field value"},
	{file: "http1/chars.go", old: "		if b[i] != '\\t' {", new: "		if b[i] != '\\t' && b[i] != '\\r' {", row: "bare CR in a field value"},
	{file: "http1/field.go", old: "return len(v) == 0 || authority(v)", new: "return true", row: "Host with a space"},
	{file: "http1/target.go", old: "		for i++; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {\n		}", new: "		i = len(b)", row: "Host with an invalid port"},
	{file: "http1/field.go", old: "	if q.flags&hasHost != 0 {", new: "	if false {", row: "two Hosts"},
	{file: "http1/request.go", old: "if q.flags&(hasHost|isHTTP10) == 0 {", new: "if false {", row: "missing Host"},
	{file: "http1/field.go", old: `if q.flags&isChunked != 0 || !is(v, "chunked") {`, new: `if !hasOption(v, "chunked") {`, row: "unknown transfer coding"},
	{file: "http1/request.go", old: "if q.flags&isChunked != 0 && q.flags&(isHTTP10|hasLength) != 0 {", new: "if false {", row: "Content-Length and Transfer-Encoding"},
	{file: "http1/field.go", old: "if q.flags&hasLength != 0 && n != q.length {", new: "if false {", row: "conflicting Content-Lengths"},
	{file: "http1/field.go", old: "		if x < '0' || x > '9' {\n			return false\n		}\n", new: "		if x < '0' || x > '9' {\n			continue\n		}\n", row: "invalid Content-Length"},
	{file: "http1/request.go", old: "p+end > MaxHeader || !fast && len(line) > MaxField || fast && end-2 > MaxField", new: "p+end > MaxHeader || !fast && len(line) > MaxField", row: "field line too long, in one segment and in several", always: true},
	{file: "http1/request.go", old: "		if v[5] != '1' {", new: "		if false {", row: "HTTP/2.0"},
	{file: "http1/request.go", old: "if p += 2; p > 16 {", new: "if p += 2; p > 0 {", row: "empty line before the request"},
	// names, values, targets
	{file: "http1/target.go", old: "return s.path[:n], validQuery(t[i:])", new: "return s.path[:n], false", row: "query is not part of the path"},
	{file: "http1/site.go", old: `base == "index.html"`, new: `base == "index.htm"`, row: "index of a directory"},
	{file: "http1/chars.go", old: "		if 'A' <= x && x <= 'Z' {\n			x |= 0x20\n		}\n", new: "", row: "field names in any case"},
	{file: "http1/field.go", old: "for len(v) > 0 && (v[len(v)-1] == ' ' || v[len(v)-1] == '\\t') {", new: "for false {", row: "white space around a value"},
	{file: "http1/chars.go", old: "	return x&^0x20 - 'A' + 10", new: "	return x - 'A' + 10", row: "percent-encoding, lower-case hex digits"},
	{file: "http1/chars.go", old: `"0123456789ABCDEFabcdef")`, new: `"0123456789abcdef")`, row: "percent-encoding, upper-case hex digits"},
	{file: "http1/request.go", old: "		case q.flags&ifNoneMatchFails != 0:\n			return http.StatusNotModified\n", new: "", row: "If-None-Match: *"},
	{file: "http1/request.go", old: "		case q.flags&ifMatchFails != 0:\n			return http.StatusPreconditionFailed\n", new: "", row: "If-Match that fails"},
	{file: "http1/server.go", old: "MaxTarget = 8 << 10", new: "MaxTarget = 4 << 10", row: "target of 7900 bytes"},
	// connections, and whose bytes
	{file: "user/gopoll/worker.go", old: "	idleLimit = 60 * time.Second", new: "	idleLimit = 2 * time.Second", row: "idle for 4 seconds"},
	{file: "user/gopoll/conn.go", old: "	c.in = append(c.in[:0], b...)\n", new: "	c.in = c.in[:0]\n", row: "split at each byte"},
	{file: "user/gopoll/conn.go", old: "c.body[n-k:]", new: "c.body[min(n-k+1, len(c.body)):]", row: "GET /64M"},
	{file: "user/gopoll/conn.go", old: "		c.hungUp = true\n", new: "		w.close(c)\n		return\n", row: "half-closed at once, GET /100"},
	{file: "http1/site.go", old: "func (s *Site) find(name []byte) *document {\n", new: "var calls int\n\nfunc (s *Site) find(name []byte) *document {\n	if calls++; calls%97 == 0 {\n		name = []byte(\"/1K\")\n	}\n", row: "different files at once", always: true},
}

// TestMutants tests the kit: each mutant is built and run, and its row must
// catch it. The server without a mutation conforms to all of these rows.
func TestMutants(t *testing.T) {
	top, err := root.Find()
	if err != nil {
		t.Fatal(err)
	}
	docs, err := site.Generate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Row{}
	for _, r := range Rows() {
		byName[r.Name] = r
	}
	for i, m := range mutants {
		if byName[m.row].Name == "" {
			t.Fatalf("mutant %d: there is no row %q", i, m.row)
		}
	}
	t.Run("control", func(t *testing.T) {
		server := build(t, top, docs, mutant{})
		for _, m := range mutants {
			if r := byName[m.row]; m.always || os.Getenv(allMutants) != "" {
				if got := r.try(server); !slices.Contains(r.Want, got) {
					t.Errorf("%s: %s", r.Name, got)
				}
			}
		}
	})
	for i, m := range mutants {
		if !m.always && os.Getenv(allMutants) == "" {
			continue
		}
		t.Run(fmt.Sprintf("%d %s", i, m.row), func(t *testing.T) {
			r := byName[m.row]
			got := r.try(build(t, top, docs, m))
			if slices.Contains(r.Want, got) {
				t.Errorf("the row does not catch %q in place of %q: %s", m.new, m.old, got)
			}
			t.Log(got)
		})
	}
}

// build builds gopoll with a mutation and starts it.
func build(t *testing.T, top, docs string, m mutant) Server {
	t.Helper()
	dir := t.TempDir()
	args := []string{"build", "-o", filepath.Join(dir, "gopoll")}
	if m.file != "" {
		file := filepath.Join(top, "servers", m.file)
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(source), m.old); n != 1 {
			t.Fatalf("%s holds %q %d times, want once", m.file, m.old, n)
		}
		mutated, overlay := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
		text, err := json.Marshal(map[string]any{"Replace": map[string]string{file: mutated}})
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{mutated: []byte(strings.Replace(string(source), m.old, m.new, 1)), overlay: text} {
			if err := os.WriteFile(name, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, "./servers/user/gopoll")...)
	cmd.Dir = top
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	server := exec.Command(filepath.Join(dir, "gopoll"), "--listen", addr.String(), "--root", docs)
	says, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	if _, err := bufio.NewReader(says).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return At(addr)
}
