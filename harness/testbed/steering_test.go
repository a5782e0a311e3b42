// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSteering sends frames one way and looks on which CPU the receiver's network
// stack handled them: the numbers of the two ends differ only there.
func TestSteering(t *testing.T) {
	const frames = 3000
	for _, c := range []struct {
		steering Steering
		own      bool // the server's frames are handled on its CPU
	}{{BySender, false}, {ByOwner, true}} {
		t.Run(string(c.steering), func(t *testing.T) {
			bed := veth(t)
			if bed.Server.CPUs[0] == bed.Client.CPUs[0] {
				t.Skip("one CPU")
			}
			if err := bed.Steer(c.steering); err != nil {
				t.Fatal(err)
			}
			before := [2]Receiving{received(t, bed.Server), received(t, bed.Client)}
			flood(t, bed, frames)
			server, client := received(t, bed.Server).Since(before[0]), received(t, bed.Client).Since(before[1])
			if server.Frames < frames {
				t.Fatalf("%d of %d frames arrived", server.Frames, frames)
			}
			own, other := server.Own, client.Own
			if !c.own {
				own, other = other, own
			}
			// Other traffic of the machine counts, too.
			if own < frames || other > frames/2 {
				t.Errorf("of %d frames the server's CPU handled %d, the client's %d", frames, server.Own, client.Own)
			}
			if got := server.Steered > 0; got != c.own {
				t.Errorf("handed to the server's CPU %d times", server.Steered)
			}
			if why := ByOwner.Misdirected("server", server); (why == "") != c.own {
				t.Errorf("the self-check says %q", why)
			}
		})
	}
}

func received(t *testing.T, h *Host) Receiving {
	t.Helper()
	r, err := h.Receiving()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// flood sends frames from the client's CPU to a socket of the server that nobody
// reads.
func flood(t *testing.T, bed *Testbed, frames int) {
	t.Helper()
	var sink net.PacketConn
	err := bed.Server.Do(func() (err error) {
		sink, err = net.ListenPacket("udp4", netip.AddrPortFrom(serverIP, 9).String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	err = bed.Client.Do(func() error {
		runtime.LockOSThread() // and never back: the thread is pinned
		var set unix.CPUSet
		set.Set(bed.Client.CPUs[0])
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return err
		}
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		to := &unix.SockaddrInet4{Port: 9, Addr: serverIP.As4()}
		for range frames {
			if err := unix.Sendto(s, []byte("x"), 0, to); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // the other CPU may lag behind
}

func TestMisdirected(t *testing.T) {
	for _, c := range []struct {
		name     string
		steering Steering
		r        Receiving
		fault    bool
	}{
		{"all on the own CPU", ByOwner, Receiving{Frames: 1000, Own: 1010, Steered: 40}, false},
		{"nothing received", ByOwner, Receiving{}, false},
		{"never handed over", ByOwner, Receiving{Frames: 1000, Own: 1000}, true},
		{"most elsewhere", ByOwner, Receiving{Frames: 1000, Own: 300, Steered: 40}, true},
		{"the sender's, as asked", BySender, Receiving{Frames: 1000}, false},
		{"in a thread", ByOwner, Receiving{Frames: 1000, NAPI: time.Millisecond, Threads: 1}, false},
		{"in a thread that sleeps", ByOwner, Receiving{Frames: 1000, Own: 1000, Steered: 1000, Threads: 1}, true},
		{"interrupts of a card", "", Receiving{Frames: 1000}, false},
	} {
		if got := c.steering.Misdirected("server", c.r); (got != "") != c.fault {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// TestSince: the kernel's counters of a CPU wrap at 32 bits.
func TestSince(t *testing.T) {
	got := Receiving{Frames: 10, Own: 5, Steered: 1}.Since(Receiving{Frames: 4, Own: 1<<32 - 3, Steered: 1<<32 - 1})
	if got.Frames != 6 || got.Own != 8 || got.Steered != 2 {
		t.Errorf("%+v", got)
	}
}

func TestMask(t *testing.T) {
	for _, c := range []struct {
		cpus []int
		want string
	}{
		{nil, "0"}, {[]int{0}, "1"}, {[]int{1}, "2"}, {[]int{0, 3}, "9"}, {[]int{31}, "80000000"},
		{[]int{32}, "1,00000000"}, {[]int{0, 33}, "2,00000001"}, {[]int{64}, "1,00000000,00000000"},
	} {
		if got := mask(c.cpus); got != c.want {
			t.Errorf("CPUs %v: %s, want %s", c.cpus, got, c.want)
		}
	}
}
