// SPDX-License-Identifier: Apache-2.0

package httpd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"crossing/servers/bypass/client"
	"crossing/servers/bypass/tcpip"
	"crossing/servers/clientrow"
	"crossing/servers/http1"
)

// body is the content of every file: no two places in it look alike.
var body = func() []byte {
	b := make([]byte, 100<<10)
	r := rand.New(rand.NewPCG(3, 3))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}()

func site(t testing.TB) *http1.Site {
	dir := t.TempDir()
	for _, n := range []int{0, 100, 1024, 16 << 10, 100 << 10} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(n)), body[:n], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := http1.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A lane carries frames one way in virtual time, and does to them what the
// plan has it: one byte per frame, and nothing when it is used up.
type lane struct {
	room   [2048]byte
	frames []carried
	plan   *[]byte
	now    *int64
}

type carried struct {
	at int64
	b  []byte
}

func (l *lane) Send(n int) []byte {
	if n == 0 {
		return l.room[:]
	}
	fate := byte(255)
	if p := *l.plan; len(p) > 0 {
		fate, *l.plan = p[0], p[1:]
	}
	f := carried{*l.now + 1e5, append([]byte(nil), l.room[:n]...)}
	switch {
	case fate < 40: // lost
		return l.room[:]
	case fate < 60: // twice
		l.frames = append(l.frames, f)
	case fate < 90: // late, so that others overtake it
		f.at += int64(fate-59) * 1e5
	case fate < 100: // very late
		f.at += 300e6
	case fate < 120 && n > 60: // damaged; ARP, which is shorter, has no checksum
		f.b[int(fate)*7%n] ^= 1 << (fate & 7)
	}
	l.frames = append(l.frames, f)
	return l.room[:]
}

// due takes the first frame whose time has come.
func (l *lane) due() []byte {
	best := -1
	for i, f := range l.frames {
		if f.at <= *l.now && (best < 0 || f.at < l.frames[best].at) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	b := l.frames[best].b
	l.frames = append(l.frames[:best], l.frames[best+1:]...)
	return b
}

// converse runs conns connections until each has its answers, over wires that
// follow the plan, and fails if that takes more than an hour of their time.
func converse(t *testing.T, s *http1.Site, plan []byte, conns, answers, size int) tcpip.Stats {
	now := int64(1e9)
	down, up := &lane{plan: &plan, now: &now}, &lane{plan: &plan, now: &now}
	app := New(s)
	ip, mac := netip.MustParseAddr("10.0.0.1"), net.HardwareAddr{2, 0, 0, 0, 0, 1}
	stack, err := tcpip.New(tcpip.Config{IP: ip, MAC: mac}, down, app)
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(client.Config{IP: netip.MustParseAddr("10.0.0.2"), MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2},
		Server: netip.AddrPortFrom(ip, 80), Connections: conns, Request: fmt.Appendf(nil, "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", size)}, up)
	c.OnBody = func(conn int, at int64, b []byte) {
		if !bytes.Equal(b, body[at:int(at)+len(b)]) {
			t.Fatalf("a body is wrong in %d bytes from %d on", len(b), at)
		}
	}
	got := 0
	c.OnResponse = func(a *client.Response) {
		// A request of which every copy is lost leaves its connection idle, and
		// the server closes it in the end, or resets it when a copy comes after
		// its FIN was lost, too; the client asks again on another.
		if (a.Failure == clientrow.Closed || a.Failure == clientrow.Reset) && a.Last-a.Sent > 59e9 {
			return
		}
		if a.Status != 200 || a.Bytes != int64(size) {
			t.Fatalf("status %d, %d bytes, failure %d after %v", a.Status, a.Bytes, a.Failure, time.Duration(a.Last-a.Sent))
		}
		got++
	}
	for got < conns*answers {
		stack.Advance(now)
		app.SetTime(now / 1e9)
		c.Advance(now)
		for f := up.due(); f != nil; f = up.due() {
			stack.Input(f)
		}
		stack.Flush()
		for f := down.due(); f != nil; f = down.due() {
			c.Input(f)
		}
		c.Flush(1000)
		if err := stack.Verify(); err != nil {
			t.Fatal(err)
		}
		// To the next thing that can happen.
		next := now + 1e6
		for _, l := range []*lane{up, down} {
			for _, f := range l.frames {
				next = min(next, f.at)
			}
		}
		if len(up.frames)+len(down.frames) == 0 && c.Open() == conns {
			next = now + 20e6
		}
		now = max(next, now+1)
		if now > 3600e9 {
			t.Fatalf("stuck: %d of %d answers; %+v; %+v", got, conns*answers, stack.Stats, c.Stats)
		}
	}
	// A peer that vanishes is forgotten in the end.
	for range 30 {
		now += 10e9
		stack.Advance(now)
		stack.Flush()
		down.frames = nil
	}
	if err := stack.Verify(); err != nil {
		t.Fatal(err)
	}
	if stack.Conns() != 0 {
		t.Fatalf("%d connections stay after the peer has vanished", stack.Conns())
	}
	return stack.Stats
}

func TestConverse(t *testing.T) {
	s := site(t)
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, size := range []int{0, 100, 16 << 10, 100 << 10} {
		plan := make([]byte, 2000)
		for i := range plan {
			plan[i] = byte(rnd.Uint32())
		}
		for _, p := range [][]byte{nil, plan} {
			t.Logf("%d bytes: %+v", size, converse(t, s, p, 3, 4, size))
		}
	}
}

// FuzzConverse plays any fate to the frames of some connections: every answer
// must arrive, whole and right, and nothing may stay behind.
func FuzzConverse(f *testing.F) {
	f.Add([]byte{255, 10, 70, 95, 110, 50}, uint8(2), uint8(1))
	f.Add([]byte{0, 0, 0, 255, 255, 0, 200, 50, 50, 61, 89}, uint8(1), uint8(3))
	f.Add([]byte("A0A00          "), uint8('P'), uint8('v'))      // a request lost ten times
	f.Add([]byte("A0A0    0 0  0 0 0  "), uint8('<'), uint8('V')) // and the FIN that follows
	s := site(f)
	f.Fuzz(func(t *testing.T, plan []byte, conns, kind uint8) {
		if len(plan) > 400 {
			return
		}
		size := []int{0, 100, 1024, 16 << 10, 100 << 10}[kind%5]
		converse(t, s, plan, 1+int(conns%4), 2, size)
	})
}
