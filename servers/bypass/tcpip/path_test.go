// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A path is a simulated download in virtual time: our stack, a way that delays,
// loses and reorders, and a peer that acknowledges each second segment, with SACK,
// D-SACK and timestamps.
type path struct {
	script
	delay         time.Duration // one way
	loss, reorder float64
	rnd           *rand.Rand
	events        pathEvents
	order         int

	want     uint32
	received []seqRange // beyond next
	next     uint32     // RCV.NXT of the peer
	recent   uint32     // when a timestamp of ours came last in order
	unacked  int
	needless int // segments that the peer had received before
	ackTimer bool
	lost     int // segments, not ACKs
}

// A pathEvent is a segment or an ACK that arrives.
type pathEvent struct {
	at    int64
	order int
	do    func()
}

type pathEvents []pathEvent

func (e pathEvents) Len() int { return len(e) }
func (e pathEvents) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e pathEvents) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *pathEvents) Push(x any)   { *e = append(*e, x.(pathEvent)) }
func (e *pathEvents) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (p *path) after(d time.Duration, do func()) {
	p.order++
	heap.Push(&p.events, pathEvent{p.now + int64(d), p.order, do})
}

// carry lets a segment travel, unless it is lost, and reports whether it does.
func (p *path) carry(do func()) bool {
	d := p.delay
	lost, overtakes := p.rnd.Float64() < p.loss, p.rnd.Float64() < p.reorder
	if lost {
		return false
	}
	if overtakes {
		d = 0
	}
	p.after(d, do)
	return true
}

// arrive is the peer's side of a data segment.
func (p *path) arrive(g sentSegment, tsVal uint32) {
	from, to := g.seq, g.seq+uint32(g.n)
	var duplicate *seqRange
	inOrder := from == p.next && len(p.received) == 0
	have := !before(p.next, to)
	for _, r := range p.received {
		have = have || !before(from, r.from) && !before(r.to, to)
	}
	if have {
		p.needless++
		duplicate = &seqRange{from, to}
	} else {
		ranges := append(append([]seqRange(nil), p.received...), seqRange{})
		n, _ := addRange(ranges, len(p.received), seqRange{from, to})
		p.received = ranges[:n]
		if !before(p.next, p.received[0].from) {
			p.next = p.received[0].to
			p.received = p.received[1:]
		}
	}
	if !before(p.next, from) {
		p.recent = tsVal
	}
	p.unacked++
	if !inOrder || p.unacked >= 2 || p.next >= p.want {
		p.acknowledge(duplicate, seqRange{from, to})
	} else if !p.ackTimer {
		p.ackTimer = true
		p.after(40*time.Millisecond, func() {
			p.ackTimer = false
			if p.unacked > 0 {
				p.acknowledge(nil, seqRange{})
			}
		})
	}
}

func (p *path) acknowledge(duplicate *seqRange, latest seqRange) {
	p.unacked = 0
	blocks := ""
	n := 0
	add := func(r seqRange) {
		if n < 3 {
			blocks += fmt.Sprintf(" %d:%d", r.from, r.to)
			n++
		}
	}
	if duplicate != nil {
		add(*duplicate)
	}
	for _, r := range p.received {
		if r.contains(latest.from) {
			add(r)
		}
	}
	for i := len(p.received) - 1; i >= 0; i-- {
		if !p.received[i].contains(latest.from) {
			add(p.received[i])
		}
	}
	if blocks != "" {
		blocks = ",sack" + blocks
	}
	text := fmt.Sprintf(". 101:101(0) ack %d win 65535 <ts %d %d%s>", p.next, p.clock(), p.recent, blocks)
	p.carry(func() {
		f, err := p.segment(text)
		if err != nil {
			p.t.Fatal(err)
		}
		p.stack.Input(f)
		p.stack.Flush()
	})
}

// download runs until the peer has everything, and returns how long that took.
func download(t *testing.T, congestion string, delay time.Duration, loss, reorder float64, bytes, seed int) (*path, time.Duration) {
	p := &path{script: script{t: t, base: 0x10000000, port: 4000, mac: 2, wnd: 65535, limit: unlimited}, rnd: rand.New(rand.NewPCG(uint64(seed), 2)), delay: delay, loss: loss, reorder: reorder, next: 1, want: uint32(bytes) + 1}
	for _, line := range []string{"config ProgressLimit=24h CongestionControl=" + congestion,
		fmt.Sprintf("+%v open <mss 1460,sackOK,ts,wscale 10>", 2*delay.Seconds()), fmt.Sprint("+0 write ", bytes)} {
		if err := p.run(line); err != nil {
			t.Fatal(err)
		}
	}
	start := p.now
	for p.next < p.want {
		if p.now-start > int64(time.Hour) {
			t.Fatalf("not finished: %d of %d bytes, %+v", p.next, p.want, p.stack.Stats)
		}
		for _, g := range p.sent {
			stamp := g.tsVal
			if !p.carry(func() { p.arrive(g, stamp) }) {
				p.lost++
			}
		}
		p.sent = p.sent[:0]
		if len(p.events) > 0 && p.events[0].at <= p.now {
			heap.Pop(&p.events).(pathEvent).do()
			if bytes < 1<<20 { // else it takes too long
				if err := p.stack.Verify(); err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		step := p.now + 1e6
		if len(p.events) > 0 {
			step = min(step, p.events[0].at)
		}
		p.now = step
		p.stack.Advance(p.now)
		p.stack.Flush()
	}
	if err := p.stack.Verify(); err != nil {
		t.Fatal(err)
	}
	return p, time.Duration(p.now - start)
}

// TestPaths holds loss recovery to what theory and a good stack achieve, on paths
// whose every event is given by a seed.
func TestPaths(t *testing.T) {
	const mss = 1448
	for _, c := range []struct {
		name          string
		delay         time.Duration
		loss, reorder float64
		bytes         int
		rounds        float64 // round trips at most
		mathis        float64 // or at most this multiple of what Mathis' formula gives, which knows no time-outs and no lost retransmissions
		needless      int     // retransmissions of what had arrived, at most
		timeouts      uint64  // at most
	}{
		{"clean, 20 ms", 10 * time.Millisecond, 0, 0, 8 << 20, 10, 0, 0, 0},
		{"clean, 200 ms", 100 * time.Millisecond, 0, 0, 8 << 20, 10, 0, 0, 0},
		{"1 % lost, 20 ms", 10 * time.Millisecond, .01, 0, 8 << 20, 0, 1.1, 10, 2},
		{"1 % lost, 50 ms", 25 * time.Millisecond, .01, 0, 8 << 20, 0, 1.1, 10, 2},
		{"3 % lost, 20 ms", 10 * time.Millisecond, .03, 0, 8 << 20, 0, 1.3, 20, 6},
		{"2 % reordered, 20 ms", 10 * time.Millisecond, 0, .02, 8 << 20, 12, 0, 40, 0},
		{"25 % reordered, 20 ms", 10 * time.Millisecond, 0, .25, 8 << 20, 20, 0, 20, 0},
		{"3 % lost, 25 % reordered, 4 ms", 2 * time.Millisecond, .03, .25, 8 << 20, 0, 1.6, 150, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			took := map[string]time.Duration{}
			for seed := range 4 {
				for _, congestion := range []string{"reno", "cubic"} {
					p, d := download(t, congestion, c.delay, c.loss, c.reorder, c.bytes, seed)
					took[congestion] += d
					stats := &p.stack.Stats
					if p.needless > c.needless || stats.Timeouts > c.timeouts || stats.Retransmitted > uint64(p.lost+p.needless) {
						t.Errorf("%s: %d segments lost, %d retransmitted, %d needlessly, %d time-outs", congestion, p.lost, stats.Retransmitted, p.needless, stats.Timeouts)
					}
				}
			}
			rtt := 2 * c.delay
			rounds := c.rounds
			if c.mathis != 0 { // Mathis et al., 1997
				rounds = c.mathis * float64(c.bytes) / mss / (1.22 / math.Sqrt(c.loss))
			}
			for congestion, d := range took {
				if got := float64(d) / 4 / float64(rtt); got > rounds {
					t.Errorf("%s takes %.0f round trips, want %.0f at most", congestion, got, rounds)
				}
			}
			if float64(took["cubic"]) > 1.05*float64(took["reno"]) {
				t.Errorf("CUBIC takes %v, Reno %v", took["cubic"], took["reno"])
			}
		})
	}
}

// FuzzPath downloads over any path: everything arrives, and the stack's invariants
// hold after each segment.
func FuzzPath(f *testing.F) {
	f.Add(uint16(1), uint8(10), uint8(0), uint8(10), true)
	f.Add(uint16(2), uint8(128), uint8(128), uint8(1), false)
	f.Add(uint16(3), uint8(255), uint8(20), uint8(100), true)
	f.Fuzz(func(t *testing.T, seed uint16, loss, reorder, ms uint8, isCubic bool) {
		congestion := "reno"
		if isCubic {
			congestion = "cubic"
		}
		download(t, congestion, time.Duration(ms)*time.Millisecond, float64(loss)/255*.15, float64(reorder)/255*.5, 200<<10, int(seed))
	})
}
