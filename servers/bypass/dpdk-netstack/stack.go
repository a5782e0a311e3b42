// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

package main

import (
	"fmt"
	"net"
	"net/netip"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// A wire is gVisor's end of the port: frames that it wants sent wait in a
// channel for the loop that drives the port.
type wire struct{ *channel.Endpoint }

// newStack makes a stack with one interface and returns a listener on it.
func newStack(mac net.HardwareAddr, at netip.AddrPort) (*wire, net.Listener, error) {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, icmp.NewProtocol4},
	})
	sack := tcpip.TCPSACKEnabled(true)
	if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack); err != nil {
		return nil, nil, fmt.Errorf("netstack: %v", err)
	}
	w := &wire{channel.New(16384, 1514, tcpip.LinkAddress(mac))}
	if err := s.CreateNIC(1, ethernet.New(w)); err != nil {
		return nil, nil, fmt.Errorf("netstack: %v", err)
	}
	if err := s.AddProtocolAddress(1, tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: tcpip.AddrFrom4(at.Addr().As4()), PrefixLen: 24}}, stack.AddressProperties{}); err != nil {
		return nil, nil, fmt.Errorf("netstack: %v", err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	l, err := gonet.ListenTCP(s, tcpip.FullAddress{NIC: 1, Port: at.Port()}, ipv4.ProtocolNumber)
	return w, l, err
}

// inject hands a received frame to the stack.
func (w *wire) inject(f []byte) {
	p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(f)})
	w.InjectInbound(0, p)
	p.DecRef()
}

// next copies the next frame to be sent into room, if there is one.
func (w *wire) next(room []byte) int {
	p := w.Read()
	if p == nil {
		return 0
	}
	n := 0
	for _, part := range p.AsSlices() {
		n += copy(room[n:], part)
	}
	p.DecRef()
	return n
}
