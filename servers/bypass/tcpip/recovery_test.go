// SPDX-License-Identifier: Apache-2.0

package tcpip_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"crossing/servers/bypass/tcpip"
)

// option returns the value of a TCP option of a reply, and whether it is there.
func (r *reply) option(kind byte) ([]byte, bool) {
	for o := r.options; len(o) > 1 && o[0] != 0; {
		if o[0] == 1 {
			o = o[1:]
			continue
		}
		if o[0] == kind {
			return o[2:o[1]], true
		}
		o = o[o[1]:]
	}
	return nil, false
}

// stamped are timestamps that echo the given value.
func (l *lab) stamped(echo []byte) []byte {
	l.stamp++
	return append(binary.BigEndian.AppendUint32([]byte{1, 1, 8, 10}, l.stamp+1), echo...)
}

// TestDuplicateIsReported: RFC 2883 section 4. Data that is received twice comes
// back as the first SACK block, so that its sender sees that it retransmitted for
// nothing.
func TestDuplicateIsReported(t *testing.T) {
	l := newLab(t, tcpip.Config{})
	l.open()
	l.get("       1")
	l.next()
	l.ack++
	l.tcp(ACK|PSH, l.seq-16, l.ack, "      0        1")
	if len(l.out) == 0 {
		t.Fatal("a duplicate gets no ACK")
	}
	r := l.next()
	block, ok := r.option(5)
	if !ok || len(block) < 8 || binary.BigEndian.Uint32(block) != l.seq-16 || binary.BigEndian.Uint32(block[4:]) != l.seq {
		t.Errorf("SACK % x, want the block from %d to %d; %+v", block, l.seq-16, l.seq, r)
	}
}

// TestSpuriousTimeoutIsUndone: RFC 3522 (Eifel). The ACK that arrives after a
// time-out echoes the timestamp of the original segments: nothing was lost, and
// the window is what it was.
func TestSpuriousTimeoutIsUndone(t *testing.T) {
	for _, c := range []struct {
		name     string
		original bool
		undone   uint64
	}{{"the original is echoed", true, 1}, {"the retransmission is echoed", false, 0}} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, tcpip.Config{})
			l.open()
			l.pass(time.Second) // the retransmission's timestamp is another one
			l.get("    3000")   // 12288 bytes
			var first, last []byte
			sent := uint32(0)
			for len(l.out) > 0 {
				r := l.next()
				sent += uint32(len(r.data))
				first, _ = r.option(8)
			}
			first = bytes.Clone(first[:4])
			before := l.stack.Stats.Timeouts
			l.conversation(1500*time.Millisecond, func(r reply) {
				if stamp, ok := r.option(8); ok && last == nil && r.seq == l.ack { // not the loss probe
					last = bytes.Clone(stamp[:4])
				}
			})
			if l.stack.Stats.Timeouts == before || last == nil || bytes.Equal(first, last) {
				t.Fatalf("%d time-outs, timestamps % x and % x", l.stack.Stats.Timeouts-before, first, last)
			}
			echo := last
			if c.original {
				echo = first
			}
			l.ack += sent
			l.tcp(ACK, l.seq, l.ack, "", l.stamped(echo)...)
			if got := l.stack.Stats.Undone; got != c.undone {
				t.Errorf("%d reductions undone, want %d", got, c.undone)
			}
		})
	}
}

// TestBareAckInTimeWait: RFC 9293 section 3.10.7.4. An ACK without anything new
// does not keep TIME-WAIT from ending.
func TestBareAckInTimeWait(t *testing.T) {
	l := newLab(t, tcpip.Config{TimeWait: time.Second})
	l.open()
	l.get("       1")
	r := l.next()
	l.ack += uint32(len(r.data))
	l.tcp(ACK, l.seq, l.ack, "")
	for range 100 { // the idle limit closes it from our side
		l.pass(time.Second)
		if len(l.out) > 0 {
			break
		}
	}
	if r := l.next(); r.flags&FIN == 0 {
		t.Fatalf("%+v, want a FIN of the idle connection", r)
	}
	l.ack++
	l.tcp(ACK, l.seq, l.ack, "")
	l.tcp(FIN|ACK, l.seq, l.ack, "")
	l.seq++
	l.out = nil
	for range 8 {
		l.pass(300 * time.Millisecond)
		l.tcp(ACK, l.seq, l.ack, "")
	}
	if l.stack.Conns() != 0 {
		t.Errorf("TIME-WAIT of a second lasts as long as the peer sends bare ACKs")
	}
}
