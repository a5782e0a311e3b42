// SPDX-License-Identifier: Apache-2.0

package tcpip_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"crossing/servers/bypass/tcpip"
	"crossing/servers/checksum"

	"gvisor.dev/gvisor/pkg/buffer"
	gv "gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	gvstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// Both ends live faster than we do, so that a second of waiting for a lost
// segment takes a twentieth.
const speed = 20

// clock is the peer's.
type clock struct{ start time.Time }

func (c clock) since() time.Duration { return speed * time.Since(c.start) }

func (c clock) Now() time.Time                 { return c.start.Add(c.since()) }
func (c clock) NowMonotonic() gv.MonotonicTime { return gv.MonotonicTime{}.Add(c.since()) }
func (c clock) AfterFunc(d time.Duration, f func()) gv.Timer {
	return timer{time.AfterFunc(d/speed, f)}
}

type timer struct{ *time.Timer }

func (t timer) Stop() bool            { return t.Timer.Stop() }
func (t timer) Reset(d time.Duration) { t.Timer.Reset(d / speed) }

// Faults are what a wire does to frames, each with a probability.
type faults struct {
	loss, double, swap, damage float64
	delay                      time.Duration // each way, in the ends' time
}

// A wire joins the stack under test to gVisor's.
type wire struct {
	t      testing.TB
	clock  clock
	faults faults
	rnd    *rand.Rand
	mu     sync.Mutex // of stack
	stack  *tcpip.Stack
	peer   *gvstack.Stack
	ep     *channel.Endpoint
	room   []byte
	line   []frame // on the way to the peer
	up     []frame // on the way to us
}

type frame struct {
	at time.Duration
	b  []byte
}

var (
	ourIP   = netip.MustParseAddr("10.0.0.1")
	ourMAC  = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	peerIP  = netip.MustParseAddr("10.0.0.2")
	peerMAC = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

func newWire(t testing.TB, cfg tcpip.Config, app tcpip.App, f faults, seed uint64) *wire {
	w := &wire{t: t, clock: clock{time.Now()}, faults: f, rnd: rand.New(rand.NewPCG(seed, 1)), room: make([]byte, 2048)}
	cfg.IP, cfg.MAC = ourIP, ourMAC
	var err error
	if w.stack, err = tcpip.New(cfg, w, app); err != nil {
		t.Fatal(err)
	}
	w.peer = gvstack.New(gvstack.Options{
		NetworkProtocols:   []gvstack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []gvstack.TransportProtocolFactory{tcp.NewProtocol, icmp.NewProtocol4},
		Clock:              w.clock,
	})
	sack := gv.TCPSACKEnabled(true)
	w.peer.SetTransportProtocolOption(tcp.ProtocolNumber, &sack)
	w.ep = channel.New(4096, 1514, gv.LinkAddress(peerMAC))
	if err := w.peer.CreateNIC(1, ethernet.New(w.ep)); err != nil {
		t.Fatal(err)
	}
	w.peer.AddProtocolAddress(1, gv.ProtocolAddress{Protocol: ipv4.ProtocolNumber,
		AddressWithPrefix: gv.AddressWithPrefix{Address: gv.AddrFrom4(peerIP.As4()), PrefixLen: 24}}, gvstack.AddressProperties{})
	w.peer.SetRouteTable([]gv.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { w.run(ctx) })
	t.Cleanup(func() {
		stop()
		wg.Wait()
		w.peer.Close()
		w.ep.Close()
	})
	return w
}

// Send is the stack's link.
func (w *wire) Send(n int) []byte {
	if n > 0 {
		w.line = w.pass(w.line, append([]byte(nil), w.room[:n]...))
	}
	return w.room
}

// pass puts a frame onto a line, or what the faults make of it.
func (w *wire) pass(line []frame, b []byte) []frame {
	f := w.faults
	if w.rnd.Float64() < f.loss {
		return line
	}
	if w.rnd.Float64() < f.damage {
		b[w.rnd.IntN(len(b))] ^= 1 << w.rnd.IntN(8)
	}
	at := w.clock.since() + f.delay
	line = append(line, frame{at, b})
	if w.rnd.Float64() < f.double {
		line = append(line, frame{at, append([]byte(nil), b...)})
	}
	if n := len(line); n > 1 && w.rnd.Float64() < f.swap {
		k := max(0, n-2-w.rnd.IntN(3))
		line[k].b, line[n-1].b = line[n-1].b, line[k].b
	}
	return line
}

// run carries frames both ways until the test ends.
func (w *wire) run(ctx context.Context) {
	for ctx.Err() == nil {
		busy := false
		for n := 0; n < 64; n++ {
			p := w.ep.Read()
			if p == nil {
				break
			}
			busy = true
			v := p.ToView()
			w.up = w.pass(w.up, append([]byte(nil), v.AsSlice()...))
			p.DecRef()
		}
		now := w.clock.since()
		w.mu.Lock()
		w.stack.Advance(int64(now) + 1)
		for len(w.up) > 0 && w.up[0].at <= now {
			w.stack.Input(w.up[0].b)
			w.up = w.up[1:]
			busy = true
		}
		w.stack.Flush()
		w.mu.Unlock()
		for len(w.line) > 0 && w.line[0].at <= now {
			p := gvstack.NewPacketBuffer(gvstack.PacketBufferOptions{Payload: buffer.MakeWithData(w.line[0].b)})
			w.ep.InjectInbound(0, p)
			p.DecRef()
			w.line = w.line[1:]
			busy = true
		}
		if !busy {
			time.Sleep(50 * time.Microsecond)
		}
	}
}

// dial opens a connection from the peer.
func (w *wire) dial() net.Conn {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := gonet.DialContextTCP(ctx, w.peer, gv.FullAddress{NIC: 1, Addr: gv.AddrFrom4(ourIP.As4()), Port: 80}, ipv4.ProtocolNumber)
	if err != nil {
		w.t.Error(err)
		return nil
	}
	return c
}

// stats reads the stack's counters.
func (w *wire) stats() tcpip.Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stack.Stats
}

// conns waits until the stack has that number of connections.
func (w *wire) conns(want int) {
	w.t.Helper()
	for range 2000 {
		w.mu.Lock()
		n := w.stack.Conns()
		w.mu.Unlock()
		if n == want {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.t.Errorf("%d connections, want %d; %+v", w.stack.Conns(), want, w.stats())
}

// pattern is what both ends send: any byte that is lost, doubled or moved shows.
var pattern = func() []byte {
	b := make([]byte, 1<<20)
	r := rand.New(rand.NewPCG(7, 7))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}()

// A mirror reads orders of 16 bytes: how many bytes of the pattern follow, and
// how many it is to send back then. The order 0, 0 makes it close.
type mirror struct {
	t     testing.TB
	conns map[int]*order
}

type order struct {
	up, down, got int
}

func (m *mirror) Opened(c *tcpip.Conn) { m.conns[c.ID()] = &order{} }
func (m *mirror) Closed(c *tcpip.Conn) { delete(m.conns, c.ID()) }

func (m *mirror) Data(c *tcpip.Conn, b []byte) (taken int) {
	o := m.conns[c.ID()]
	for c.CanSend() {
		if o.up == 0 && o.down == 0 {
			if len(b) < 16 {
				return taken
			}
			fmt.Sscanf(string(b[:16]), "%x %x", &o.up, &o.down)
			b, taken = b[16:], taken+16
			if o.up == 0 && o.down == 0 {
				c.Close()
				return taken
			}
		}
		n := min(len(b), o.up)
		for i := range n {
			if b[i] != pattern[o.got] {
				m.t.Errorf("byte %d from the peer is wrong", o.got)
			}
			if o.got++; o.got == len(pattern) {
				o.got = 0
			}
		}
		b, taken, o.up = b[n:], taken+n, o.up-n
		if o.up > 0 {
			return taken
		}
		o.got = 0
		for o.down > 0 && c.CanSend() {
			n := min(o.down, len(pattern))
			if n%2 == 0 { // both ways to send
				c.SendSummed(pattern[:n], checksum.Sum(pattern[:n], 0))
			} else {
				c.Send(pattern[:n])
			}
			o.down -= n
		}
	}
	return taken
}

// exchange orders and checks one exchange.
func exchange(c net.Conn, up, down int) error {
	c.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := fmt.Fprintf(c, "%7x %8x", up, down); err != nil {
		return err
	}
	for at := 0; at < up; {
		n, err := c.Write(pattern[:min(len(pattern), up-at)])
		if err != nil {
			return fmt.Errorf("after %d bytes up: %w", at, err)
		}
		at += n
	}
	got := make([]byte, 32<<10)
	for at := 0; at < down; {
		n, err := c.Read(got[:min(len(got), down-at)])
		if err != nil {
			return fmt.Errorf("after %d of %d bytes down: %w", at, down, err)
		}
		for i := range n {
			if got[i] != pattern[(at+i)%len(pattern)] {
				return fmt.Errorf("byte %d down is wrong", at+i)
			}
		}
		at += n
	}
	return nil
}

func (w *wire) session(orders [][2]int, weClose bool) error {
	c := w.dial()
	if c == nil {
		return io.ErrUnexpectedEOF
	}
	defer c.Close()
	for _, o := range orders {
		if err := exchange(c, o[0], o[1]); err != nil {
			return err
		}
	}
	if weClose {
		if _, err := io.WriteString(c, "      0        0"); err != nil {
			return err
		}
		if n, err := c.Read(make([]byte, 1)); err != io.EOF {
			return fmt.Errorf("no end of stream: %d, %v", n, err)
		}
	}
	return nil
}
