// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A must is a requirement of RFC 9293, appendix B.
type must struct {
	number int
	text   string   // the RFC's, shortened
	shown  []string // scripts and tests that hold the stack to it
	reason string   // why it does not apply, or is not kept
}

const (
	passiveOnly = "the stack opens no connection: it has one passive OPEN, which is its configuration"
	noUrgent    = "urgent data are ordinary data and none are sent: RFC 6093 advises against their use"
	noRoute     = "packets with a source route are dropped: RFC 7126 section 4.3"
)

var musts = []must{
	{1, "treat the window as unsigned", []string{"window-is-unsigned"}, ""},
	{2, "compute the checksum", []string{"checksum-of-odd-length", "TestFaults"}, ""},
	{3, "check the checksum", []string{"checksum-wrong", "TestFaults"}, ""},
	{4, "support the mandatory option set", []string{"options-end-of-list", "options-nop", "mss-of-the-peer"}, ""},
	{5, "receive options in any segment", []string{"options-in-any-segment", "options-unknown"}, ""},
	{6, "ignore unsupported options", []string{"options-unknown"}, ""},
	{7, "cope with illegal option lengths", []string{"options-length-zero", "options-length-beyond-header", "options-mss-of-wrong-length"}, ""},
	{8, "a clock drives the initial sequence number", []string{"TestInitialSequenceNumber"}, ""},
	{9, "its other part cannot be computed from outside", []string{"TestInitialSequenceNumber"}, ""},
	{10, "support simultaneous open", nil, passiveOnly},
	{11, "SYN-RECEIVED remembers the state before it", nil, passiveOnly},
	{12, "inform the application of an aborted connection", []string{"abort-informs-the-app"}, ""},
	{13, "TIME-WAIT lasts for 2 MSL", []string{"close-active", "time-wait-fin-again"}, ""},
	{14, "send and receive the MSS option", []string{"handshake-three-way", "mss-of-the-peer"}, ""},
	{15, "536 bytes without an MSS option", []string{"handshake-no-options"}, ""},
	{16, "calculate the effective send MSS", []string{"mss-of-the-peer", "mss-of-the-link", "timestamp-lowers-mss"}, ""},
	{17, "an application can disable Nagle's algorithm", []string{"nagle-off"}, ""},
	{18, "Karn's algorithm", []string{"rto-kept-until-measured", "handshake-rtt-karn"}, ""},
	{19, "back-off, slow start, congestion avoidance", []string{"rto-backoff", "slow-start", "congestion-avoidance"}, ""},
	{20, "close the connection at R2", []string{"rto-r2"}, ""},
	{21, "an application can set R2", []string{"rto-r2"}, ""},
	{22, "R1 and R2 for SYNs, too", []string{"handshake-synack-gives-up"}, ""},
	{23, "R2 of a SYN is 3 minutes at least", nil, "not kept for SYN-ACKs: as in Linux a half-open connection ends after 63 s, since it costs memory and its peer repeats the SYN"},
	{24, "an application can ask for keep-alive probes", []string{"keep-alive"}, ""},
	{25, "keep-alive is off by default", []string{"keep-alive-off"}, ""},
	{26, "only after an idle interval", []string{"keep-alive"}, ""},
	{27, "which can be set", []string{"keep-alive"}, ""},
	{28, "and is 2 hours at least by default", nil, "the interval has no default: asking for keep-alive names it"},
	{29, "a lost ACK of a probe ends nothing", []string{"keep-alive-one-probe-is-not-enough"}, ""},
	{30, "support the urgent pointer", []string{"data-urgent"}, ""},
	{31, "urgent data of any length", []string{"data-urgent"}, ""},
	{32, "inform the application of urgent data", nil, noUrgent},
	{33, "and how much of it is left", nil, noUrgent},
	{34, "be robust against a shrinking window", []string{"window-shrinks"}, ""},
	{35, "probe in the standard way", []string{"zero-window-probe"}, ""},
	{36, "probe a zero window", []string{"zero-window-probe", "TestClosedWindowOfLongRunningStack"}, ""},
	{37, "let it stay closed while probes are answered", []string{"zero-window-stays-open", "zero-window-limit"}, ""},
	{38, "silly window avoidance of the sender", []string{"silly-window-sender", "silly-window-half-of-the-largest"}, ""},
	{39, "silly window avoidance of the receiver", []string{"receive-silly-window"}, ""},
	{40, "delay ACKs by less than half a second", []string{"ack-at-once"}, ""},
	{41, "a passive OPEN does not interfere with others", nil, passiveOnly},
	{42, "several LISTENs of one port", nil, passiveOnly},
	{43, "a local address in OPEN", nil, passiveOnly},
	{44, "ask IP for the source address of a SYN", nil, passiveOnly},
	{45, "otherwise use the local address of the connection", []string{"handshake-three-way", "TestScripts"}, ""},
	{46, "no OPEN to a broadcast or multicast address", nil, passiveOnly},
	{47, "an error report mechanism", nil, "an application of this stack would do nothing with soft errors; Closed and Stats report the others"},
	{48, "an application can specify the DiffServ field", nil, "not kept: it is 0 in all packets"},
	{49, "the TTL can be set", []string{"ttl"}, ""},
	{50, "ignore IP options that TCP does not understand", []string{"ip-options", "TestIPOptions"}, ""},
	{51, "an application can specify a source route", nil, noRoute},
	{52, "it overrides the one of a datagram", nil, noRoute},
	{53, "build the return route", nil, noRoute},
	{54, "take ICMP messages from IP", []string{"icmp-fragmentation-needed", "icmp-soft-error-half-open"}, ""},
	{55, "discard source quench", []string{"icmp-source-quench"}, ""},
	{56, "soft errors do not abort", []string{"icmp-soft-error"}, ""},
	{57, "discard segments to broadcast and multicast addresses", []string{"address-of-a-group"}, ""},
	{58, "aggregate ACKs whenever possible", []string{"ack-once-per-burst", "ack-piggybacked"}, ""},
	{59, "process what is queued before sending an ACK", []string{"ack-of-gap-at-once"}, ""},
	{60, "do not buffer data without PUSH for ever", []string{"nagle-off"}, ""},
	{61, "set PSH in the last segment of what is queued", []string{"push-at-the-end-of-the-data"}, ""},
	{62, "the urgent pointer points behind the urgent data", nil, noUrgent},
	{63, "reject a SYN from an invalid address", []string{"address-of-nobody", "address-of-ourselves"}, ""},
	{64, "process options at any alignment", []string{"options-nop"}, ""},
	{65, "no MSS option without SYN", []string{"mss-only-in-syn"}, ""},
	{66, "process RST with a closed window", []string{"zero-window-reset"}, ""},
	{67, "the MSS is what can be received", []string{"mss-of-a-small-link", "mss-jumbo"}, ""},
	{68, "all options but two have a length", []string{"handshake-all-options"}, ""},
	{69, "pad the options with zeros", nil, "no padding is sent: options are aligned by NOPs (handshake-all-options)"},
}

// TestMusts holds the table to what it names: all the RFC's numbers, each with a
// script or test that exists, or a reason.
func TestMusts(t *testing.T) {
	if len(musts) != 69 {
		t.Errorf("%d requirements, the RFC has 69", len(musts))
	}
	tests := testNames(t)
	for i, m := range musts {
		if m.number != i+1 {
			t.Errorf("MUST-%d stands at MUST-%d", m.number, i+1)
		}
		if (len(m.shown) == 0) == (m.reason == "") {
			t.Errorf("MUST-%d (%s) has neither a test nor a reason, or both", m.number, m.text)
		}
		for _, name := range m.shown {
			if strings.HasPrefix(name, "Test") {
				if !tests[name] {
					t.Errorf("MUST-%d: there is no test %s", m.number, name)
				}
			} else if _, err := os.Stat("testdata/scripts/" + name + ".pkt"); err != nil {
				t.Errorf("MUST-%d: %v", m.number, err)
			}
		}
	}
}

// testNames returns the names of the tests in this folder.
func testNames(t *testing.T) map[string]bool {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	names := map[string]bool{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range form.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
	}
	return names
}

// TestInitialSequenceNumber: RFC 6528 section 3. The number grows by 250 per ms,
// and differs between connections and secrets.
func TestInitialSequenceNumber(t *testing.T) {
	stack := func(secret byte) *Stack {
		s := &Stack{secret0: uint64(secret), now: 5e9}
		return s
	}
	s := stack(1)
	first := s.initialSeq(7)
	s.now += 1e6
	if n := s.initialSeq(7) - first; n != 250 {
		t.Errorf("it grows by %d in a millisecond, want 250", n)
	}
	seen := map[uint32]string{}
	for key := range uint64(50) {
		for secret := range byte(50) {
			n, name := stack(secret).initialSeq(key), fmt.Sprint("key ", key, ", secret ", secret)
			if other, ok := seen[n]; ok {
				t.Errorf("%s has the number of %s", name, other)
			}
			seen[n] = name
		}
	}
}
