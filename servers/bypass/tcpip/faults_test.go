// SPDX-License-Identifier: Apache-2.0

package tcpip_test

import (
	"sync"
	"testing"
	"time"

	"crossing/servers/bypass/tcpip"
)

// TestFaults lets gVisor's TCP talk to ours over wires with faults, and wants
// every byte at its place in both directions.
func TestFaults(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name   string
		faults faults
		conns  int
		orders [][2]int
	}{
		{"clean", faults{}, 4, [][2]int{{0, 1}, {1, 0}, {100, 4 << 20}, {1 << 20, 5}, {3000, 3000}}},
		{"delay 50 ms", faults{delay: 50 * ms}, 4, [][2]int{{10, 1 << 20}, {1 << 20, 10}}},
		{"loss 1 %", faults{loss: .01, delay: ms}, 4, [][2]int{{10, 2 << 20}, {1 << 20, 10}}},
		{"loss 10 %", faults{loss: .1, delay: ms}, 4, [][2]int{{10, 400 << 10}, {100 << 10, 10}}},
		{"doubled", faults{double: .1, delay: ms}, 4, [][2]int{{10, 1 << 20}, {1 << 20, 10}}},
		{"swapped", faults{swap: .1, delay: ms}, 4, [][2]int{{10, 1 << 20}, {1 << 20, 10}}},
		{"damaged", faults{damage: .05, delay: ms}, 4, [][2]int{{10, 400 << 10}, {200 << 10, 10}}},
		{"all", faults{loss: .03, double: .03, swap: .05, damage: .02, delay: 5 * ms}, 8, [][2]int{{10, 200 << 10}, {100 << 10, 10}, {1, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// The ends' clock runs fast: on a busy machine the peer's
			// goroutine may be away for what they take for minutes.
			w := newWire(t, tcpip.Config{TimeWait: 100 * ms, ProgressLimit: time.Hour}, &mirror{t, map[int]*order{}}, c.faults, 1)
			var wg sync.WaitGroup
			for i := range c.conns {
				wg.Go(func() {
					if err := w.session(c.orders, i%2 == 0); err != nil {
						t.Errorf("connection %d: %v; %+v", i, err, w.stats())
					}
				})
			}
			wg.Wait()
			w.conns(0)
			t.Logf("%+v", w.stats())
		})
	}
}
