// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"crossing/servers/checksum"
)

// TestScripts runs the packet scripts in testdata/scripts. Each holds the stack
// to one rule, which its first line names with its source. Each runs with initial
// sequence numbers and timestamps of both ends in the middle of their space and
// at its end.
//
// A script is in the manner of packetdrill. Each line begins with the time since
// the line before it:
//
//	config MTU=1000 KeepAlive=10s        fields of Config, before all others; the default is reno
//	+0 open <mss 1000,sackOK>            a handshake that offers these options; its round trip takes this time
//	+0 < P. 1:101(100) ack 1 win 500     the peer sends a segment
//	+0 << P. 101:201(100) ack 1          likewise, and the burst does not end with it
//	+0 > . 1:1(0) ack 201                the stack must have sent this one
//	+.2~+.3 > . 1:1001(1000) ack 101     must send it then
//	+.5 silence                          must send nothing until then
//	+0 write 1000                        the app sends
//	+0 reply 1000                        the app sends this much for all that it receives
//	+0 consume none                      the app consumes nothing from now on, or all, or 10 bytes per call
//	+0 close                             the app closes
//	+0 mark                              keep the stack's last timestamp
//	+0 icmp 3 4 1000 1                   a message: type, code, MTU, sequence number quoted
//	+0 expect cwnd 10000                 a counter of Stats, or what observe returns
//
// Sequence numbers are relative to the initial ones, the peer's timestamps to
// 1000 ms before its first one: "ts 5 last" has the value 5 and echoes the stack's last timestamp,
// "mark" the one that was kept. A connection with timestamps sends them by
// itself. The peer's window is the last one given. What a segment of the peer may
// carry after its options is in (*script).segment.
//
// An expected segment may be several, each starting where the one before it
// ended. Its window and PSH are compared where the script names them, its options
// always, but timestamps only by "ecr 5".
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.pkt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !scriptHeader.Match(text) {
			t.Errorf("%s: the first line does not name the rule's source", file)
		}
		for name, base := range map[string]uint32{"middle": 0x10000000, "wrap": 0xfffffff0} {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".pkt")+"/"+name, func(t *testing.T) {
				t.Parallel()
				p := &script{t: t, base: base, port: 4000, mac: 2, wnd: 65535, limit: unlimited}
				for i, line := range strings.Split(string(text), "\n") {
					if line, _, _ = strings.Cut(line, "//"); strings.TrimSpace(line) == "" {
						continue
					}
					if err := p.run(strings.TrimSpace(line)); err != nil {
						t.Fatalf("%s:%d: %s: %v", file, i+1, strings.TrimSpace(line), err)
					}
				}
				if len(p.sent) > 0 {
					t.Errorf("%s: after the last line the stack sends %v", file, p.sent[0])
				}
			})
		}
	}
}

var scriptHeader = regexp.MustCompile(`^// (RFC \d+ .+|Linux.+|CVE-.+|Project: .+)\n`)

// A script is a stack, its app and its peer.
type script struct {
	t       *testing.T
	base    uint32 // initial sequence number of the peer, of the stack's first connection, and timestamp of the peer
	iss     uint32 // of the stack's last connection
	opened  uint64 // connections and cookies until then
	stack   *Stack
	txBuf   [10000]byte
	sent    []sentSegment // not yet expected
	start   int64
	now     int64
	last    int64 // when the last line took place
	inBurst bool

	port       uint16
	mac        byte // last of the peer's
	wnd        uint32
	timestamps bool   // both ends use them
	tsVal      uint32 // last of the stack
	tsMark     uint32

	conn     *Conn
	closed   int
	limit    int // bytes that the app consumes per call
	reply    int
	consumed int
}

type sentSegment struct {
	at       int64
	flags    string
	seq, ack uint32
	n        int
	window   int
	options  string
	ecr      uint32
	stamped  bool // with timestamps
	tsVal    uint32
	mac      byte
	port     uint16
}

func (g sentSegment) String() string {
	return fmt.Sprintf("%s %d:%d(%d) ack %d win %d <%s> ecr %d, timestamps %v, to MAC %d, port %d, at %v", g.flags, g.seq, g.seq+uint32(g.n), g.n, g.ack, g.window, g.options, g.ecr, g.stamped, g.mac, g.port, time.Duration(g.at))
}

const unlimited = 1 << 30

func (p *script) Opened(c *Conn) { p.conn = c }
func (p *script) Closed(*Conn)   { p.conn, p.closed = nil, p.closed+1 }
func (p *script) Data(c *Conn, b []byte) int {
	n := min(len(b), p.limit)
	p.consumed += n
	if p.reply > 0 {
		c.Send(make([]byte, p.reply))
	}
	return n
}

// Send implements Link.
func (p *script) Send(n int) []byte {
	if n > 0 {
		p.sent = append(p.sent, p.parse(p.txBuf[:n]))
	}
	return p.txBuf[:]
}

var (
	scriptIP     = [4]byte{10, 0, 0, 1}
	scriptMAC    = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	scriptPeerIP = [4]byte{10, 0, 0, 2}
)

const flagLetters = "FSRP.UEW"

// parse reads a segment of the stack.
func (p *script) parse(f []byte) sentSegment {
	if checksum.Fold(checksum.Sum(f[ipSrc:], checksum.Word(protocolTCP)+checksum.Word(uint16(len(f)-tcpStart)))) != 0xffff ||
		checksum.Fold(checksum.Sum(f[ipStart:tcpStart], 0)) != 0xffff {
		p.t.Error("the stack sends a wrong checksum")
	}
	if f[ipFragment] != 0x40 || int(f[ipTTL]) != p.stack.cfg.TTL || !bytes.Equal(f[ethSrc:ethType], scriptMAC) {
		p.t.Errorf("header % x", f[:tcpStart])
	}
	start := tcpStart + int(f[tcpOffset]>>4)*4
	if n := p.stack.Stats.Opened + p.stack.Stats.CookiesSent; f[tcpFlags] == syn|ack && n != p.opened {
		if p.iss, p.opened = be32(f[tcpSeq:]), n; p.now == p.start && n == 1 && be16(f[tcpDst:]) == p.port && p.iss != p.base {
			p.t.Errorf("initial sequence number %d, want %d", p.iss, p.base)
		}
	}
	g := sentSegment{at: p.now, n: len(f) - start, window: int(be16(f[tcpWindow:])), mac: f[ethDst+5], port: be16(f[tcpDst:]), seq: be32(f[tcpSeq:]) - p.iss}
	for i, letter := range flagLetters {
		if f[tcpFlags]&(1<<i) != 0 {
			g.flags += string(letter)
		}
	}
	if f[tcpFlags]&ack != 0 {
		g.ack = be32(f[tcpAck:]) - p.base
	} else if be32(f[tcpAck:]) != 0 {
		p.t.Errorf("%s: an acknowledgement number without ACK", g.flags)
	}
	if f[tcpFlags] == rst|ack && be32(f[tcpSeq:]) == 0 { // in response to a segment without ACK
		g.seq = 0
	}
	var options []string
	forEachOption(f[tcpOptions:start], func(kind byte, v []byte) {
		switch kind {
		case 2:
			options = append(options, fmt.Sprint("mss ", be16(v)))
		case 3:
			options = append(options, fmt.Sprint("wscale ", v[0]))
		case 4:
			options = append(options, "sackOK")
		case 5:
			text := "sack"
			for ; len(v) > 0; v = v[8:] {
				text += fmt.Sprintf(" %d:%d", be32(v)-p.base, be32(v[4:])-p.base)
			}
			options = append(options, text)
		case 8:
			p.tsVal, g.ecr, g.stamped = be32(v), be32(v[4:])-p.base, true
			g.tsVal = p.tsVal
			if f[tcpFlags] == syn|ack {
				options = append(options, "ts")
			}
		default:
			options = append(options, fmt.Sprint("kind ", kind))
		}
	})
	g.options = strings.Join(options, ",")
	return g
}

// advance lets time pass until then, or until the stack sends.
func (p *script) advance(to int64) {
	for p.now < to && len(p.sent) == 0 {
		p.now = min(to, p.now+1e6)
		p.stack.Advance(p.now)
		p.stack.Flush()
	}
}

var lineForm = regexp.MustCompile(`^\+([\d.]+)(?:~\+([\d.]+))? (\S+) ?(.*)$`)

func nanoseconds(seconds string) int64 {
	n, _ := strconv.ParseFloat(seconds, 64)
	return int64(n * 1e9)
}

func (p *script) run(line string) error {
	if words, ok := strings.CutPrefix(line, "config"); ok {
		return p.configure(strings.Fields(words))
	}
	if p.stack == nil {
		if err := p.configure(nil); err != nil {
			return err
		}
	}
	m := lineForm.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("it has no time")
	}
	from := p.last + nanoseconds(m[1])
	if m[3] == ">" {
		to := from
		if m[2] != "" {
			to = p.last + nanoseconds(m[2])
		}
		return p.expectSegment(m[4], from, to)
	}
	p.advance(from)
	if len(p.sent) > 0 && !p.inBurst {
		return fmt.Errorf("before it the stack sends %v", p.sent[0])
	}
	p.last = p.now
	if err := p.do(m[3], m[4], m[1]); err != nil {
		return err
	}
	if p.inBurst = m[3] == "<<"; !p.inBurst {
		p.stack.Flush()
	}
	return p.stack.Verify()
}

// configure makes the stack, at a time at which its initial sequence number is
// the base.
func (p *script) configure(words []string) error {
	cfg := Config{IP: netip.AddrFrom4(scriptIP), MAC: scriptMAC, CongestionControl: "reno"}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		f := reflect.ValueOf(&cfg).Elem().FieldByName(name)
		switch f.Interface().(type) {
		case time.Duration:
			d, err := time.ParseDuration(value)
			if err != nil {
				return err
			}
			f.SetInt(int64(d))
		case int:
			f.SetInt(int64(number(value)))
		case string:
			f.SetString(value)
		default:
			return fmt.Errorf("no setting %s", name)
		}
	}
	var err error
	if p.stack, err = New(cfg, p, p); err != nil {
		return err
	}
	f := p.frame(make([]byte, 20))
	binary.BigEndian.PutUint16(f[tcpSrc:], p.port)
	ticks := p.base - uint32(p.stack.hash(key(f), hashISN))
	p.iss = p.base
	p.start = 4000 * (1<<32 + int64(ticks))
	p.now, p.last = p.start, p.start
	p.stack.Advance(p.now)
	return nil
}

func (p *script) do(verb, rest, since string) error {
	switch verb {
	case "<", "<<":
		f, err := p.segment(rest)
		if err == nil {
			p.stack.Input(f)
		}
		return err
	case "open":
		return p.open(rest, since)
	case "silence":
	case "write":
		p.conn.Send(make([]byte, number(rest)))
		p.stack.output(p.conn)
	case "reply":
		p.reply = int(number(rest))
	case "close":
		p.conn.Close()
		p.stack.output(p.conn)
	case "consume":
		switch rest {
		case "all":
			p.limit = unlimited
		case "none":
			p.limit = 0
		default:
			p.limit = int(number(rest))
		}
	case "mark":
		p.tsMark = p.tsVal
	case "icmp":
		w := strings.Fields(rest)
		if len(w) != 4 {
			return fmt.Errorf("not a type, a code, an MTU and a sequence number")
		}
		p.stack.Input(p.icmp(byte(number(w[0])), byte(number(w[1])), uint16(number(w[2])), number(w[3])))
	case "expect":
		name, want, _ := strings.Cut(rest, " ")
		got, err := p.observe(name)
		if err != nil {
			return err
		}
		if fmt.Sprint(got) != want {
			return fmt.Errorf("it is %v", got)
		}
	default:
		return fmt.Errorf("no such command")
	}
	return nil
}

// observe returns what a script may expect beside segments.
func (p *script) observe(name string) (any, error) {
	switch name {
	case "Conns":
		return p.stack.Conns(), nil
	case "consumed":
		return p.consumed, nil
	case "closed": // calls of Closed
		return p.closed, nil
	}
	if f := reflect.ValueOf(p.stack.Stats).FieldByName(name); f.IsValid() {
		return f.Interface(), nil
	}
	if p.conn == nil {
		return nil, fmt.Errorf("there is no connection")
	}
	switch name {
	case "state":
		return p.conn.state, nil
	case "cwnd":
		return p.conn.cwnd, nil
	case "ssthresh":
		return p.conn.ssthresh, nil
	case "mss":
		return p.conn.mss, nil
	case "srtt":
		return time.Duration(p.conn.srtt).Round(time.Millisecond), nil
	case "rto":
		return time.Duration(p.conn.rto).Round(time.Millisecond), nil
	}
	return nil, fmt.Errorf("nothing has this name")
}

// open is a handshake with the given options, after which the peer's window is
// 65535 bytes. The stack must offer what the peer has.
func (p *script) open(options, rtt string) error {
	offered := strings.Trim(options, "<>")
	agreed := []string{fmt.Sprint("mss ", p.stack.cfg.MTU-40)}
	for _, o := range []string{"sackOK", "ts", "wscale"} {
		if strings.Contains(offered, o) {
			if o == "wscale" {
				o += " 0"
			}
			agreed = append(agreed, o)
		}
	}
	for _, line := range []string{
		"+0 < S 0:0(0) win 65535 <" + offered + ">",
		"+0 > S. 0:0(0) ack 1 <" + strings.Join(agreed, ",") + ">",
		"+" + rtt + " < . 1:1(0) ack 1 win 65535",
	} {
		if err := p.run(line); err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	return nil
}

var segmentForm = regexp.MustCompile(`^(\S+) (\d+):(\d+)\((\d+)\)(?: ack (\d+))?(?: win (\d+))?(?: <(.*)>)?((?: [a-z]+=\S+)*)$`)

// timerSlack is how late a timer may be: they are scanned that seldom.
const timerSlack = int64(timerScanInterval) + 1e6

func (p *script) expectSegment(text string, from, to int64) error {
	m := segmentForm.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("not a segment")
	}
	if number(m[3])-number(m[2]) != number(m[4]) {
		return fmt.Errorf("it does not end where its length says")
	}
	to += timerSlack
	seq, left := number(m[2]), int(number(m[4]))
	for first := true; first || left > 0; first = false {
		p.advance(to)
		if len(p.sent) == 0 {
			return fmt.Errorf("the stack sends nothing; %d bytes are missing", left)
		}
		g := p.sent[0]
		want := g
		want.seq, want.n, want.port = seq, min(g.n, left), p.port
		want.flags = m[1]
		if left > g.n { // not the last one
			want.flags = "."
		}
		if !strings.Contains(m[1], "P") {
			g.flags = strings.Replace(g.flags, "P", "", 1)
		}
		if m[5] != "" {
			want.ack = number(m[5])
		}
		if m[6] != "" {
			want.window = int(number(m[6]))
		}
		var options []string
		for o := range strings.SplitSeq(m[7], ",") {
			if value, ok := strings.CutPrefix(o, "ecr "); ok {
				want.ecr = number(value)
			} else if o != "" && o != "nots" {
				options = append(options, o)
			}
		}
		want.options = strings.Join(options, ",")
		if !strings.ContainsAny(m[1], "SR") {
			want.stamped = p.timestamps && !strings.Contains(m[7], "nots")
		}
		for _, w := range strings.Fields(m[8]) {
			switch name, value, _ := strings.Cut(w, "="); name {
			case "mac":
				want.mac = byte(number(value))
			case "port":
				want.port = uint16(number(value))
			default:
				return fmt.Errorf("no setting %s", name)
			}
		}
		if g != want {
			return fmt.Errorf("the stack sends %v", g)
		}
		if g.at < from || g.at > to {
			return fmt.Errorf("it comes after %v", time.Duration(g.at-p.last))
		}
		p.sent = p.sent[1:]
		seq, left = seq+uint32(g.n), left-g.n
		if strings.HasPrefix(m[1], "S") {
			p.timestamps = strings.Contains(m[7], "ts")
		}
	}
	p.last = p.now
	return nil
}

func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		panic(err)
	}
	return uint32(n)
}

// segment makes a segment of the peer. After its options it may say
//
//	mac=7             it comes from the MAC that ends in 7
//	tomac=7           it goes to that one
//	port=5000         it is of another connection
//	from=255.1.1.1    its source address
//	to=10.0.0.255     its destination
//	sum=bad           its checksum is wrong
//	ip=01010101       these are its IP options
//	fragment=1        it is the first fragment of several
//	offset=4          its data offset
//	urgent=5          its urgent pointer
//	reserved=15       its reserved bits
func (p *script) segment(text string) ([]byte, error) {
	m := segmentForm.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("not a segment")
	}
	h := make([]byte, 20)
	binary.BigEndian.PutUint16(h, p.port)
	binary.BigEndian.PutUint16(h[2:], 80)
	binary.BigEndian.PutUint32(h[4:], p.base+number(m[2]))
	for i, letter := range flagLetters {
		if strings.ContainsRune(m[1], letter) {
			h[13] |= 1 << i
		}
	}
	if m[5] != "" {
		binary.BigEndian.PutUint32(h[8:], p.iss+number(m[5]))
	}
	if m[6] != "" {
		p.wnd = number(m[6])
	}
	binary.BigEndian.PutUint16(h[14:], uint16(p.wnd))
	h, err := p.appendOptions(h, m[7], p.timestamps && !strings.Contains(m[1], "S"))
	if err != nil {
		return nil, err
	}
	h[12] = byte(len(h)) / 4 << 4
	settings := strings.Fields(m[8])
	for _, w := range settings {
		switch name, value, _ := strings.Cut(w, "="); name {
		case "port":
			binary.BigEndian.PutUint16(h, uint16(number(value)))
		case "offset":
			h[12] = byte(number(value)) << 4
		case "urgent":
			binary.BigEndian.PutUint16(h[18:], uint16(number(value)))
		case "reserved":
			h[12] |= byte(number(value))
		}
	}
	f := p.frame(append(h, make([]byte, number(m[4]))...))
	for _, w := range settings {
		name, value, _ := strings.Cut(w, "=")
		if at := map[string]int{"from": ipSrc, "to": ipDst}[name]; at != 0 {
			address, err := netip.ParseAddr(value)
			if err != nil {
				return nil, err
			}
			copy(f[at:], address.AsSlice())
			setIPSum(f, 20)
		}
	}
	checksum.Put(f[tcpSum:], checksum.Sum(f[ipSrc:], checksum.Word(protocolTCP)+checksum.Word(uint16(len(f)-tcpStart))))
	for _, w := range settings {
		switch name, value, _ := strings.Cut(w, "="); name {
		case "mac":
			f[ethSrc+5] = byte(number(value))
		case "tomac":
			f[ethDst+5] = byte(number(value))
		case "sum":
			f[tcpSum] ^= 1
		case "fragment":
			f[ipFragment] = 0x20
			setIPSum(f, 20)
		case "ip":
			options, err := hex.DecodeString(value)
			if err != nil {
				return nil, err
			}
			f = append(append(append([]byte(nil), f[:tcpStart]...), options...), f[tcpStart:]...)
			f[ipStart] += byte(len(options) / 4)
			putBE16(f[ipLength:], uint16(len(f)-ipStart))
			setIPSum(f, 20+len(options))
		case "port", "offset", "urgent", "reserved", "from", "to":
		default:
			return nil, fmt.Errorf("no setting %s", name)
		}
	}
	return f, nil
}

func setIPSum(f []byte, header int) {
	f[ipSum], f[ipSum+1] = 0, 0
	checksum.Put(f[ipSum:], checksum.Sum(f[ipStart:ipStart+header], 0))
}

// appendOptions appends the options of a segment of the peer, and timestamps if
// they are not among them.
func (p *script) appendOptions(h []byte, text string, timestamps bool) ([]byte, error) {
	stamp := func(value, echo uint32) {
		h = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(append(h, 1, 1, 8, 10), p.base+value), echo)
	}
	for o := range strings.SplitSeq(text, ",") {
		w := strings.Fields(o)
		if len(w) == 0 {
			continue
		}
		switch w[0] {
		case "nop":
			h = append(h, 1)
		case "eol":
			h = append(h, 0)
		case "mss":
			h = binary.BigEndian.AppendUint16(append(h, 2, 4), uint16(number(w[1])))
		case "wscale":
			h = append(h, 3, 3, byte(number(w[1])))
		case "sackOK":
			h = append(h, 4, 2)
		case "nots": // none, although they were agreed
			timestamps = false
		case "ts":
			timestamps = false
			switch {
			case len(w) == 1: // of a SYN
				stamp(p.clock(), 0)
			case w[2] == "last":
				stamp(number(w[1]), p.tsVal)
			case w[2] == "mark":
				stamp(number(w[1]), p.tsMark)
			default:
				stamp(number(w[1]), number(w[2]))
			}
		case "echo": // the current time, and an echo of the mark
			timestamps = false
			stamp(p.clock(), p.tsMark)
		case "sack":
			h = append(h, 1, 1, 5, byte(2+8*(len(w)-1)))
			for _, block := range w[1:] {
				from, to, _ := strings.Cut(block, ":")
				h = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(h, p.iss+number(from)), p.iss+number(to))
			}
		case "hex":
			b, err := hex.DecodeString(w[1])
			if err != nil {
				return nil, err
			}
			h = append(h, b...)
		default:
			return nil, fmt.Errorf("no option %s", w[0])
		}
	}
	if timestamps {
		stamp(p.clock(), p.tsVal)
	}
	for len(h)%4 != 0 {
		h = append(h, 0)
	}
	return h, nil
}

// clock is the peer's, in ms from 1000 on.
func (p *script) clock() uint32 { return 1000 + uint32((p.now-p.start)/1e6) }

// frame puts a TCP segment of the peer into a packet and that into a frame.
func (p *script) frame(segment []byte) []byte { return p.packet(protocolTCP, segment) }

func (p *script) packet(protocol byte, payload []byte) []byte {
	f := make([]byte, tcpStart, tcpStart+len(payload))
	copy(f[ethDst:], scriptMAC)
	copy(f[ethSrc:], []byte{2, 0, 0, 0, 0, p.mac})
	copy(f[ethType:], []byte{8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol})
	putBE16(f[ipLength:], uint16(20+len(payload)))
	copy(f[ipSrc:], scriptPeerIP[:])
	copy(f[ipDst:], scriptIP[:])
	setIPSum(f, 20)
	return append(f, payload...)
}

// icmp makes a message that quotes a segment of the stack.
func (p *script) icmp(kind, code byte, mtu uint16, seq uint32) []byte {
	m := []byte{kind, code, 0, 0, 0, 0, byte(mtu >> 8), byte(mtu)}
	quoted := p.packet(protocolTCP, make([]byte, 8))[ipStart:]
	copy(quoted[12:], scriptIP[:])
	copy(quoted[16:], scriptPeerIP[:])
	putBE16(quoted[20:], 80)
	putBE16(quoted[22:], p.port)
	putBE32(quoted[24:], p.iss+seq)
	m = append(m, quoted...)
	checksum.Put(m[2:], checksum.Sum(m, 0))
	return p.packet(protocolICMP, m)
}
