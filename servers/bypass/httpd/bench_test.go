// SPDX-License-Identifier: Apache-2.0

package httpd

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"crossing/servers/bypass/tcpip"
	"crossing/servers/checksum"
	"crossing/servers/http1"
)

// A sink is a link that keeps the last frame.
type sink struct {
	room [2048]byte
	last int
	sent int
}

func (l *sink) Send(n int) []byte {
	if n > 0 {
		l.last = n
		l.sent++
	}
	return l.room[:]
}

// A peer is a client of which nothing is left but the numbers that the next
// frame needs.
type peer struct {
	frame    []byte
	seq, ack uint32
}

// fill completes the peer's next frame.
func (p *peer) fill(flags byte) []byte {
	f := p.frame
	binary.BigEndian.PutUint32(f[38:], p.seq)
	binary.BigEndian.PutUint32(f[42:], p.ack)
	f[47] = flags
	f[50], f[51] = 0, 0
	checksum.Put(f[50:], checksum.Sum(f[26:], checksum.Word(6)+checksum.Word(uint16(len(f)-34))))
	return f
}

const request = "GET /100 HTTP/1.1\r\nHost: 10.78.0.3\r\n\r\n"

var serverMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}

// setup opens n connections with timestamps, as Linux makes them.
func setup(b testing.TB, site *http1.Site, n int) (*tcpip.Stack, *App, *sink, []*peer) {
	app := New(site)
	app.SetTime(1)
	link := &sink{}
	s, err := tcpip.New(tcpip.Config{IP: netip.MustParseAddr("10.78.0.3"), MAC: serverMAC, MaxHalfOpen: 1 << 20}, link, app)
	if err != nil {
		b.Fatal(err)
	}
	s.Advance(1e9)
	return s, app, link, connect(b, s, link, n)
}

// connect opens n connections.
func connect(b testing.TB, s *tcpip.Stack, link *sink, n int) []*peer {
	peers := make([]*peer, n)
	for i := range peers {
		const head = 66
		f := make([]byte, head, head+len(request))
		copy(f[0:], serverMAC)
		copy(f[6:], []byte{2, 0, 0, 0, 0, 2, 8, 0, 0x45})
		f[20], f[22], f[23] = 0x40, 64, 6
		copy(f[26:], []byte{10, 78, byte(1 + i/60000), 2, 10, 78, 0, 3})
		binary.BigEndian.PutUint16(f[34:], uint16(1024+i%60000))
		binary.BigEndian.PutUint16(f[36:], 80)
		f[46] = 0x80
		binary.BigEndian.PutUint16(f[48:], 65535)
		copy(f[54:], "\x01\x01\x08\x0a\x00\x00\x00\x01")
		p := &peer{frame: f, seq: uint32(i) * 7919}
		length := func() {
			binary.BigEndian.PutUint16(p.frame[16:], uint16(len(p.frame)-14))
			p.frame[24], p.frame[25] = 0, 0
			checksum.Put(p.frame[24:], checksum.Sum(p.frame[14:34], 0))
		}
		length()
		s.Input(p.fill(2))
		p.seq++
		p.ack = binary.BigEndian.Uint32(link.room[38:]) + 1
		s.Input(p.fill(16))
		p.frame = append(f, request...)
		length()
		peers[i] = p
	}
	s.Flush()
	if s.Conns() != n {
		b.Fatalf("%d connections, want %d", s.Conns(), n)
	}
	return peers
}

// ask sends the peer's next request and takes the answer.
func (p *peer) ask(s *tcpip.Stack, l *sink) {
	s.Input(p.fill(24))
	p.seq += uint32(len(request))
	p.ack += uint32(l.last - 66)
}

// BenchmarkRequest is the whole cost of a request in process: frame in,
// checksums, TCP with all its rules, HTTP, frame out. It includes making the
// request's frame, since a peer must.
func BenchmarkRequest(b *testing.B) {
	for _, n := range []int{1, 16, 64, 1000, 10000} {
		b.Run(fmt.Sprintf("conns=%d", n), func(b *testing.B) {
			s, app, link, peers := setup(b, site(b), n)
			b.ReportAllocs()
			now, i := int64(1e9), 0
			before := app.Requests
			for b.Loop() {
				if i++; i&31 == 0 { // a burst of 32
					s.Flush()
					now += 5000
					s.Advance(now)
				}
				peers[i%n].ask(s, link)
			}
			b.StopTimer()
			if got := app.Requests - before; got != uint64(i) {
				b.Fatalf("%d answers to %d requests; %+v", got, i, s.Stats)
			}
			if s.Stats.FastPath < uint64(i) {
				b.Fatalf("only %d of %d segments were predicted", s.Stats.FastPath, i)
			}
		})
	}
}

// BenchmarkPeer is the part of BenchmarkRequest that is the peer's.
func BenchmarkPeer(b *testing.B) {
	_, _, _, peers := setup(b, site(b), 1)
	for b.Loop() {
		peers[0].fill(24)
		peers[0].seq += 40
	}
}

func TestNoAllocation(t *testing.T) {
	s, _, link, peers := setup(t, site(t), 100)
	i := 0
	if n := testing.AllocsPerRun(10000, func() { i++; peers[i%100].ask(s, link); s.Flush() }); n != 0 {
		t.Errorf("%v allocations per request", n)
	}
}
