// SPDX-License-Identifier: Apache-2.0

package tcpip_test

import (
	"bytes"
	"net"
	"testing"
	"time"

	"crossing/servers/bypass/tcpip"
	"crossing/servers/checksum"
)

// conversation lets time pass; the peer responds to each frame of the stack, or
// not. It returns the number of frames.
func (l *lab) conversation(d time.Duration, respond func(reply)) (frames int) {
	for end := l.now + int64(d); l.now < end; {
		l.now = min(end, l.now+10e6)
		l.stack.Advance(l.now)
		l.stack.Flush()
		for len(l.out) > 0 {
			frames++
			respond(l.next())
		}
	}
	l.check()
	return frames
}

// TestClosedWindowOfLongRunningStack: RFC 9293 section 3.8.6.1, MUST-36. A stack
// that has run for longer than the limit of a closed window must not count that
// time.
func TestClosedWindowOfLongRunningStack(t *testing.T) {
	l := newLab(t, tcpip.Config{})
	l.pass(10 * time.Minute)
	l.open()
	l.wnd = 0
	l.get("     100")
	reset := false
	probes := l.conversation(30*time.Second, func(r reply) {
		reset = reset || r.flags&RST != 0
		l.tcp(ACK, l.seq, l.ack, "")
	})
	if reset || l.stack.Conns() != 1 || probes == 0 {
		t.Fatalf("reset %v, %d connections, %d probes", reset, l.stack.Conns(), probes)
	}
	l.wnd = 60000
	l.tcp(ACK, l.seq, l.ack, "")
	got := 0
	l.conversation(5*time.Second, func(r reply) {
		if r.seq == l.ack {
			got += len(r.data)
			l.ack += uint32(len(r.data))
		}
		l.tcp(ACK, l.seq, l.ack, "")
	})
	if got != 0x100 {
		t.Errorf("%d bytes after the window opened, want 256", got)
	}
}

// TestProbesBackOffWhenAnswered: RFC 9293 section 3.8.6.1, SHLD-30.
func TestProbesBackOffWhenAnswered(t *testing.T) {
	l := newLab(t, tcpip.Config{})
	l.open()
	l.wnd = 0
	l.get("     100")
	if n := l.conversation(time.Minute, func(reply) { l.tcp(ACK, l.seq, l.ack, "") }); n > 15 || n < 4 {
		t.Errorf("%d probes in a minute, each answered; the interval must double", n)
	}
}

// TestKeepAliveAnswered: RFC 9293 section 3.8.4. A peer that answers its probes is
// alive, however long it sends nothing else.
func TestKeepAliveAnswered(t *testing.T) {
	l := newLab(t, tcpip.Config{KeepAlive: 10 * time.Second, IdleLimit: time.Hour})
	l.open()
	probes := l.conversation(10*time.Minute, func(r reply) {
		if r.flags&RST != 0 {
			t.Fatal("reset")
		}
		l.tcp(ACK, l.seq, l.ack, "")
	})
	if l.stack.Conns() != 1 || probes < 50 {
		t.Errorf("%d connections after %d probes", l.stack.Conns(), probes)
	}
}

// TestPathBecomesSlow: RFC 9293 section 3.8.2, RFC 6298 section 5 (Karn). The
// round trip grows from 20 ms to a second; after a few time-outs the stack has
// learned it.
func TestPathBecomesSlow(t *testing.T) {
	l := newLab(t, tcpip.Config{})
	l.open()
	exchange := func(rtt time.Duration) {
		l.get("    1000")
		for end := l.ack + 0x1000; l.ack != end; {
			got := l.ack
			l.conversation(rtt, func(r reply) {
				if next := r.seq + uint32(len(r.data)); int32(next-got) > 0 {
					got = next
				}
			})
			l.ack = got
			l.tcp(ACK, l.seq, l.ack, "")
		}
		l.conversation(100*time.Millisecond, func(reply) {})
	}
	for range 20 {
		exchange(20 * time.Millisecond)
	}
	before := l.stack.Stats.Timeouts
	for range 10 {
		exchange(time.Second)
	}
	learned := l.stack.Stats.Timeouts
	for range 20 {
		exchange(time.Second)
	}
	if n := l.stack.Stats.Timeouts - learned; learned-before > 10 || n > 0 {
		t.Errorf("%d time-outs in the first 10 exchanges of a second, %d in the next 20", learned-before, n)
	}
}

// TestIPOptions: RFC 9293 MUST-50, RFC 1122 section 3.2.1.8. A SYN with IP options
// is answered.
func TestIPOptions(t *testing.T) {
	for name, options := range map[string][]byte{"four NOPs": {1, 1, 1, 1}, "router alert": {148, 4, 0, 0}, "record route": {7, 7, 4, 0, 0, 0, 0, 0}} {
		l := newLab(t, tcpip.Config{})
		h := make([]byte, 20)
		copy(h, []byte{0x0f, 0xa0, 0, 80, 0, 0, 3, 0xe8})
		h[12], h[13], h[14] = 5<<4, SYN, 0xff
		f := l.frame(6, h)
		checksum.Put(f[50:], checksum.Sum(f[26:], checksum.Word(6)+checksum.Word(uint16(len(f)-34))))
		f = append(append(append([]byte(nil), f[:34]...), options...), f[34:]...)
		f[14] = 0x45 + byte(len(options)/4)
		f[17] += byte(len(options))
		f[24], f[25] = 0, 0
		checksum.Put(f[24:], checksum.Sum(f[14:34+len(options)], 0))
		l.stack.Input(f)
		l.stack.Flush()
		if len(l.out) == 0 {
			t.Errorf("%s: no SYN-ACK, %+v", name, l.stack.Stats)
			continue
		}
		if r := l.next(); r.flags != SYN|ACK {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestSynReceivedAnswers: RFC 9293 section 3.10.7.4 and figure 9. A client that
// starts again from the same port gets an ACK, whose reset frees the old one.
func TestSynReceivedAnswers(t *testing.T) {
	l := newLab(t, tcpip.Config{})
	l.tcp(SYN, l.seq, 0, "", 2, 4, 5, 180)
	l.next()
	l.tcp(SYN, l.seq+500000, 0, "", 2, 4, 5, 180)
	if len(l.out) == 0 {
		t.Fatal("a SYN of another sequence number gets no answer")
	}
	if r := l.next(); r.flags != ACK || r.ack != l.seq+1 {
		t.Errorf("%+v, want an ACK of the first SYN", r)
	}
}

// TestForgedFramesDoNotRedirect: two ACKs of data that was never sent, from
// another MAC, leave the connection where it is.
func TestForgedFramesDoNotRedirect(t *testing.T) {
	l := newLab(t, tcpip.Config{})
	l.open()
	l.from = net.HardwareAddr{2, 0, 0, 0, 0, 66}
	for i := range uint32(4) {
		l.tcp(ACK, l.seq+i, l.ack+1<<20+i, "forged")
	}
	l.from, l.out = peerMAC, nil
	l.get("     100")
	if len(l.out) == 0 || !bytes.Equal(l.out[0][:6], peerMAC) {
		t.Errorf("the response goes elsewhere: %x", l.out)
	}
}
