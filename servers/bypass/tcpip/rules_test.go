// SPDX-License-Identifier: Apache-2.0

package tcpip_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"crossing/servers/bypass/tcpip"
	"crossing/servers/checksum"
)

// A lab is a stack with a hand-made peer: segments are written one by one, and
// what comes back is checked.
type lab struct {
	t     *testing.T
	stack *tcpip.Stack
	app   *mirror
	room  [2048]byte
	out   [][]byte // frames of the stack that next has not taken
	now   int64
	seq   uint32 // of the peer's next byte
	ack   uint32 // that it expects
	stamp uint32
	port  uint16
	wnd   uint16 // that the peer offers, times 4
	from  []byte // MAC of its frames
}

const (
	FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
)

func (l *lab) Send(n int) []byte {
	if n > 0 {
		l.out = append(l.out, append([]byte(nil), l.room[:n]...))
	}
	return l.room[:]
}

func newLab(t *testing.T, cfg tcpip.Config) *lab {
	l := &lab{t: t, now: 1e9, seq: 1000, stamp: 5000, port: 4000, wnd: 60000, from: peerMAC, app: &mirror{t, map[int]*order{}}}
	cfg.IP, cfg.MAC = ourIP, ourMAC
	var err error
	if l.stack, err = tcpip.New(cfg, l, l.app); err != nil {
		t.Fatal(err)
	}
	l.stack.Advance(l.now)
	return l
}

// frame makes an IP packet.
func (l *lab) frame(protocol byte, payload []byte) []byte {
	f := make([]byte, 34, 34+len(payload))
	copy(f, ourMAC)
	copy(f[6:], l.from)
	copy(f[12:], []byte{8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol})
	binary.BigEndian.PutUint16(f[16:], uint16(20+len(payload)))
	from, to := peerIP.As4(), ourIP.As4()
	copy(f[26:], from[:])
	copy(f[30:], to[:])
	checksum.Put(f[24:], checksum.Sum(f[14:34], 0))
	return append(f, payload...)
}

// tcp sends a segment with timestamps.
func (l *lab) tcp(flags byte, seq, ack uint32, data string, options ...byte) {
	l.stamp++
	h := make([]byte, 20)
	binary.BigEndian.PutUint16(h, l.port)
	binary.BigEndian.PutUint16(h[2:], 80)
	binary.BigEndian.PutUint32(h[4:], seq)
	binary.BigEndian.PutUint32(h[8:], ack)
	h[13] = flags
	binary.BigEndian.PutUint16(h[14:], l.wnd)
	if options == nil {
		options = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte{1, 1, 8, 10}, l.stamp), 0)
	}
	h = append(h, options...)
	h[12] = byte(len(h)) / 4 << 4
	f := l.frame(6, append(h, data...))
	checksum.Put(f[50:], checksum.Sum(f[26:], checksum.Word(6)+checksum.Word(uint16(len(f)-34))))
	l.stack.Input(f)
	l.stack.Flush()
	l.check()
}

func (l *lab) check() {
	l.t.Helper()
	if err := l.stack.Verify(); err != nil {
		l.t.Fatal(err)
	}
}

// pass lets time pass, some at a time.
func (l *lab) pass(d time.Duration) {
	for end := l.now + int64(d); l.now < end; {
		l.now = min(end, l.now+50e6)
		l.stack.Advance(l.now)
		l.stack.Flush()
	}
	l.check()
}

// A reply is a segment of the stack.
type reply struct {
	flags    byte
	seq, ack uint32
	window   uint16
	options  []byte
	data     []byte
}

// next takes the stack's next frame.
func (l *lab) next() reply {
	l.t.Helper()
	if len(l.out) == 0 {
		l.t.Fatal("the stack sends nothing")
	}
	f := l.out[0]
	l.out = l.out[1:]
	if checksum.Fold(checksum.Sum(f[26:], checksum.Word(6)+checksum.Word(uint16(len(f)-34)))) != 0xffff ||
		checksum.Fold(checksum.Sum(f[14:34], 0)) != 0xffff {
		l.t.Error("wrong checksum")
	}
	at := 34 + int(f[46]>>4)*4
	return reply{f[47], binary.BigEndian.Uint32(f[38:]), binary.BigEndian.Uint32(f[42:]), binary.BigEndian.Uint16(f[48:]), f[54:at], f[at:]}
}

func (l *lab) silent(why string) {
	l.t.Helper()
	if len(l.out) > 0 {
		l.t.Errorf("%s: the stack answers %+v", why, l.next())
		l.out = nil
	}
}

// open makes a connection.
func (l *lab) open() {
	l.t.Helper()
	l.tcp(SYN, l.seq, 0, "", 2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 2)
	r := l.next()
	if r.flags != SYN|ACK || r.ack != l.seq+1 {
		l.t.Fatalf("SYN answered by %+v", r)
	}
	if len(r.options) != 20 || !bytes.HasPrefix(r.options, []byte{2, 4, 5, 180, 4, 2, 8, 10}) || !bytes.HasSuffix(r.options, []byte{1, 3, 3, 0}) {
		l.t.Errorf("options of the SYN-ACK: % x", r.options)
	}
	l.seq++
	l.ack = r.seq + 1
	l.tcp(ACK, l.seq, l.ack, "")
	l.silent("an ACK")
}

// get asks the mirror for n bytes.
func (l *lab) get(n string) {
	l.tcp(ACK|PSH, l.seq, l.ack, "      0 "+n)
	l.seq += 16
}

func TestResetsMustBeExact(t *testing.T) { // RFC 5961 section 3.2
	l := newLab(t, tcpip.Config{})
	l.open()
	l.tcp(RST, l.seq+100000, 0, "")
	l.silent("a reset outside of the window")
	l.tcp(RST, l.seq+100, 0, "")
	if r := l.next(); r.flags != ACK || r.ack != l.seq {
		t.Errorf("a reset in the window is answered by %+v", r)
	}
	if l.stack.Conns() != 1 {
		t.Error("a guessed reset ended the connection")
	}
	l.tcp(RST, l.seq, 0, "")
	l.silent("a reset")
	if l.stack.Conns() != 0 {
		t.Error("an exact reset did not end it")
	}
}

func TestSynInConnection(t *testing.T) { // RFC 5961 section 4.2
	l := newLab(t, tcpip.Config{})
	l.open()
	l.tcp(SYN, l.seq+10, 0, "")
	if r := l.next(); r.flags != ACK || r.ack != l.seq || l.stack.Conns() != 1 {
		t.Errorf("%+v", r)
	}
}

func TestAckOfNothing(t *testing.T) { // RFC 5961 section 5.2
	l := newLab(t, tcpip.Config{})
	l.open()
	l.tcp(ACK, l.seq, l.ack+1000, "      0      100")
	if r := l.next(); r.flags != ACK || r.seq != l.ack || r.ack != l.seq {
		t.Errorf("data with an ACK of what was never sent: %+v", r)
	}
}

func TestOldTimestamp(t *testing.T) { // RFC 7323 section 5.3
	l := newLab(t, tcpip.Config{})
	l.open()
	l.stamp -= 100
	l.tcp(ACK, l.seq, l.ack, "      0      100")
	if r := l.next(); r.ack != l.seq || len(r.data) != 0 {
		t.Errorf("a segment of the past was taken: %+v", r)
	}
}

func TestCookies(t *testing.T) { // RFC 4987 section 3.6
	l := newLab(t, tcpip.Config{MaxHalfOpen: 1})
	l.port = 1
	l.tcp(SYN, 1, 0, "", 2, 4, 5, 180)
	l.out = nil
	l.port = 4000
	l.tcp(ACK, 77, 78, "")
	if r := l.next(); r.flags != RST || r.seq != 78 {
		t.Errorf("an ACK of nobody: %+v", r)
	}
	l.tcp(SYN, l.seq, 0, "", 2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7)
	r := l.next()
	if r.flags != SYN|ACK || l.stack.Conns() != 1 || l.stack.Stats.CookiesSent != 1 {
		t.Fatalf("%+v; %d connections, %+v", r, l.stack.Conns(), l.stack.Stats)
	}
	l.seq++
	l.ack = r.seq + 1
	echo := r.options[8:12]
	stamped := append([]byte{1, 1, 8, 10, 0, 0, 0, 2}, echo...)
	l.tcp(ACK, l.seq, l.ack+8, "", stamped...)
	if r := l.next(); r.flags != RST {
		t.Errorf("a cookie that we did not make: %+v", r)
	}
	l.tcp(ACK, l.seq, l.ack, "      0     4000", stamped...)
	if l.stack.Stats.CookiesAccepted != 1 {
		t.Fatalf("%+v", l.stack.Stats)
	}
	if r := l.next(); len(r.data) != 1448 {
		t.Errorf("first segment of %d bytes: what the SYN said was lost", len(r.data))
	}
}

func TestZeroWindow(t *testing.T) { // RFC 9293 section 3.8.6.1
	l := newLab(t, tcpip.Config{})
	l.open()
	l.get("    8000")
	for len(l.out) > 0 {
		l.ack += uint32(len(l.next().data))
	}
	l.wnd = 0
	l.tcp(ACK, l.seq, l.ack, "")
	l.silent("a closed window")
	l.pass(30 * time.Second)
	if n := l.stack.Stats.Probes; n < 3 || n > 20 {
		t.Errorf("%d probes of a closed window in 30 s", n)
	}
	for len(l.out) > 0 {
		if r := l.next(); len(r.data) != 0 || r.seq != l.ack-1 {
			t.Errorf("into a closed window: %+v", r)
		}
	}
	l.wnd = 60000
	l.tcp(ACK, l.seq, l.ack, "")
	if r := l.next(); len(r.data) != 1448 || r.seq != l.ack {
		t.Errorf("the window is open again: %d bytes", len(r.data))
	}
}

func TestPathMTU(t *testing.T) { // RFC 1191
	l := newLab(t, tcpip.Config{})
	l.open()
	l.get("   10000")
	first := l.out[0]
	if len(l.next().data) != 1448 {
		t.Fatal("not a full segment first")
	}
	l.out = nil
	icmp := append([]byte{3, 4, 0, 0, 0, 0, 1000 >> 8, 1000 & 255}, first[14:14+28]...)
	checksum.Put(icmp[2:], checksum.Sum(icmp, 0))
	l.stack.Input(l.frame(1, icmp))
	l.stack.Flush()
	l.check()
	if r := l.next(); len(r.data) != 1000-40-12 || r.seq != l.ack {
		t.Errorf("after 'too big': %d bytes from %d", len(r.data), r.seq-l.ack)
	}
	l.out = nil
	binary.BigEndian.PutUint32(icmp[8+24:], l.ack+1e6) // not in flight: RFC 5927
	icmp[6], icmp[7], icmp[2], icmp[3] = 2, 80, 0, 0
	checksum.Put(icmp[2:], checksum.Sum(icmp, 0))
	l.stack.Input(l.frame(1, icmp))
	l.silent("a forged 'too big'")
}

func TestOutOfOrder(t *testing.T) { // RFC 2018
	l := newLab(t, tcpip.Config{})
	l.open()
	l.tcp(ACK, l.seq+8, l.ack, "      64")
	r := l.next()
	want := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte{1, 1, 5, 10}, l.seq+8), l.seq+16)
	if r.ack != l.seq || !bytes.Equal(r.options[12:], want) {
		t.Errorf("ACK of a gap: %d, options % x, want % x", r.ack-l.seq, r.options, want)
	}
	l.tcp(ACK, l.seq, l.ack, "      0 ")
	if r = l.next(); r.ack != l.seq+16 || len(r.data) != 100 || len(r.options) != 12 {
		t.Errorf("the gap is closed: %+v", r)
	}
}

func TestVanishedPeer(t *testing.T) { // RFC 6298 section 5, RFC 9293 section 3.8.3
	l := newLab(t, tcpip.Config{})
	l.open()
	l.get("     100")
	l.out = nil
	l.pass(300 * time.Second)
	if s := l.stack.Stats; l.stack.Conns() != 0 || s.AbortedDead != 1 || s.Timeouts < 5 || s.Timeouts > 12 {
		t.Errorf("%d connections, %+v", l.stack.Conns(), s)
	}
}

func TestIdle(t *testing.T) {
	l := newLab(t, tcpip.Config{})
	l.open()
	l.pass(59 * time.Second)
	l.silent("idle for 59 s")
	l.pass(2 * time.Second)
	if r := l.next(); r.flags&FIN == 0 || r.seq != l.ack {
		t.Fatalf("after 61 s: %+v", r)
	}
	l.out = nil
	l.ack++
	l.tcp(ACK, l.seq, l.ack, "")
	l.tcp(FIN|ACK, l.seq, l.ack, "")
	if r := l.next(); r.ack != l.seq+1 || l.stack.Conns() != 1 {
		t.Errorf("%+v, %d in TIME-WAIT", r, l.stack.Conns())
	}
	l.tcp(FIN|ACK, l.seq, l.ack, "") // our ACK was lost
	if r := l.next(); r.ack != l.seq+1 {
		t.Errorf("%+v", r)
	}
	l.pass(61 * time.Second)
	if l.stack.Conns() != 0 {
		t.Error("TIME-WAIT does not end")
	}
}

func TestTimeWaitIsReopened(t *testing.T) { // RFC 9293 section 3.6.1
	l := newLab(t, tcpip.Config{})
	l.open()
	l.tcp(ACK, l.seq, l.ack, "      0        0") // the mirror closes
	r := l.next()
	l.seq += 16
	l.ack = r.seq + 1
	l.tcp(FIN|ACK, l.seq, l.ack, "")
	l.out = nil
	if l.stack.Conns() != 1 {
		t.Fatal("not in TIME-WAIT")
	}
	l.seq += 100000
	l.tcp(SYN, l.seq, 0, "", 2, 4, 5, 180, 8, 10, 0, 0, 255, 255, 0, 0, 0, 0, 1, 1)
	if r := l.next(); r.flags != SYN|ACK || r.ack != l.seq+1 {
		t.Errorf("a newer SYN in TIME-WAIT: %+v", r)
	}
}

func TestKeepAlive(t *testing.T) { // RFC 9293 section 3.8.4
	l := newLab(t, tcpip.Config{KeepAlive: 10 * time.Second, IdleLimit: time.Hour})
	l.open()
	l.pass(11 * time.Second)
	if r := l.next(); r.seq != l.ack-1 || len(r.data) != 0 {
		t.Errorf("probe: %+v", r)
	}
	l.tcp(ACK, l.seq, l.ack, "")
	l.pass(200 * time.Second)
	if l.stack.Conns() != 0 || l.stack.Stats.AbortedDead != 1 {
		t.Errorf("%d connections; %+v", l.stack.Conns(), l.stack.Stats)
	}
}

// TestSiblings: what belongs to no connection is reset, but for a stack that is
// one of several.
func TestSiblings(t *testing.T) { // RFC 9293 section 3.10.7.1
	for _, siblings := range []bool{false, true} {
		l := newLab(t, tcpip.Config{SharedAddress: siblings})
		l.tcp(ACK, 1000, 2000, "")
		if siblings {
			l.silent("a segment that may be of another stack's connection")
		} else if r := l.next(); r.flags&RST == 0 {
			t.Errorf("answered with flags %x, not reset", r.flags)
		}
		l.open()
	}
}

func TestHalfOpenEnds(t *testing.T) {
	l := newLab(t, tcpip.Config{})
	l.tcp(SYN, l.seq, 0, "", 2, 4, 5, 180)
	l.pass(200 * time.Second)
	if n := len(l.out); l.stack.Conns() != 0 || n != 6 {
		t.Errorf("%d connections, %d SYN-ACKs", l.stack.Conns(), n)
	}
}

// TestPeerMoves: a peer may come from another MAC, but one frame does not show
// it. No checksum covers the MAC, and a peer that only receives could never correct
// what one damaged frame has done.
func TestPeerMoves(t *testing.T) {
	l := newLab(t, tcpip.Config{})
	l.open()
	elsewhere := []byte{2, 0, 0, 0, 0, 7}
	for i, c := range []struct{ from, to []byte }{
		{elsewhere, peerMAC},
		{peerMAC, peerMAC},
		{elsewhere, peerMAC},
		{[]byte{2, 0, 0, 0, 0, 8}, peerMAC},
		{elsewhere, peerMAC},
		{elsewhere, elsewhere},
		{elsewhere, elsewhere},
		{peerMAC, elsewhere},
		{peerMAC, peerMAC},
	} {
		l.from = c.from
		l.tcp(ACK|PSH, l.seq+100, l.ack, "beyond the next byte") // answered at once
		if len(l.out) == 0 || !bytes.Equal(l.out[0][:6], c.to) {
			t.Errorf("segment %d from % x: answered % x, want to % x", i, c.from, l.out, c.to)
		}
		l.out = nil
	}
}

func TestNotForUs(t *testing.T) {
	l := newLab(t, tcpip.Config{})
	ping := []byte{8, 0, 0, 0, 1, 2, 3, 4, 'h', 'i'}
	checksum.Put(ping[2:], checksum.Sum(ping, 0))
	l.stack.Input(l.frame(1, ping))
	if len(l.out) != 1 || l.out[0][34] != 0 || !bytes.Equal(l.out[0][38:], ping[4:]) {
		t.Errorf("ping: % x", l.out)
	}
	l.out = nil
	fragment := l.frame(1, ping)
	fragment[20], fragment[24], fragment[25] = 0x20, 0, 0
	checksum.Put(fragment[24:], checksum.Sum(fragment[14:34], 0))
	routed := append(append(l.frame(1, nil), 131, 3, 4, 0), ping...)
	routed[14], routed[17], routed[24], routed[25] = 0x46, byte(len(routed)-14), 0, 0
	checksum.Put(routed[24:], checksum.Sum(routed[14:38], 0))
	wrong := l.frame(1, ping)
	wrong[24] ^= 1
	other := l.frame(1, ping)
	other[5] ^= 1
	for name, f := range map[string][]byte{"fragment": fragment, "source route": routed, "checksum": wrong, "other MAC": other,
		"short": fragment[:20], "empty": nil, "IPv6": append(make([]byte, 12), 0x86, 0xdd, 6)} {
		l.stack.Input(f)
		l.silent(name)
	}
}
