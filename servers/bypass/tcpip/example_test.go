// SPDX-License-Identifier: Apache-2.0

package tcpip_test

import (
	"fmt"
	"net"
	"net/netip"

	"crossing/servers/bypass/tcpip"
)

// A memoryLink keeps what the stack sends.
type memoryLink struct {
	buf  [2048]byte
	sent [][]byte
}

func (w *memoryLink) Send(n int) []byte {
	if n > 0 {
		w.sent = append(w.sent, append([]byte(nil), w.buf[:n]...))
	}
	return w.buf[:]
}

// An echoApp sends back what it receives.
type echoApp struct{}

func (echoApp) Opened(*tcpip.Conn) {}
func (echoApp) Data(c *tcpip.Conn, b []byte) (n int) {
	c.Send(append([]byte(nil), b...))
	return len(b)
}
func (echoApp) Closed(*tcpip.Conn) {}

// The stack does no input or output of its own: it is given frames and gives
// frames back. Here somebody asks who has its address (ARP, RFC 826).
func Example() {
	w := &memoryLink{}
	stack, err := tcpip.New(tcpip.Config{
		IP: netip.MustParseAddr("10.0.0.3"), MAC: net.HardwareAddr{2, 0, 0, 0, 0, 3}, Port: 7,
	}, w, echoApp{})
	if err != nil {
		panic(err)
	}
	request := []byte{
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 8, 6, // Ethernet: broadcast, ARP
		0, 1, 8, 0, 6, 4, 0, 1, // Ethernet and IPv4 addresses, request
		2, 0, 0, 0, 0, 2, 10, 0, 0, 2, // from
		0, 0, 0, 0, 0, 0, 10, 0, 0, 3, // who has this one?
	}
	stack.Advance(1)
	stack.Input(request)
	stack.Flush()
	for _, f := range w.sent {
		fmt.Printf("%v is at %v\n", netip.AddrFrom4([4]byte(f[28:32])), net.HardwareAddr(f[22:28]))
	}
	// Output: 10.0.0.3 is at 02:00:00:00:00:03
}
