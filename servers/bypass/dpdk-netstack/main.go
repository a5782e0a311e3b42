// SPDX-License-Identifier: Apache-2.0

// Dpdk-netstack serves a document tree with gVisor's TCP/IP under net/http, on
// a port that DPDK drives: what a complete, general stack in Go costs in the
// place of our own.
package main

import (
	"fmt"
	"net/netip"
	"os"

	"crossing/servers/bypass/port"

	"github.com/spf13/pflag"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "dpdk-netstack:", err)
		os.Exit(1)
	}
}

// usage is what --help shows before the flags.
const usage = `Dpdk-netstack serves a folder on a port that DPDK drives, by gVisor's netstack and net/http.

Examples:
  dpdk-netstack --port af_xdp:vs0 --listen 10.0.0.3:80 --root site

Flags:
`

func run() error {
	name := pflag.String("port", "", "port, as af_xdp:IFACE, af_packet:IFACE, memif-server:SOCKET, pci:ADDRESS")
	addr := pflag.String("listen", "", "IPv4 `address` and port to answer for; the kernel must not have it")
	dir := pflag.String("root", ".", "document root")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	at, err := netip.ParseAddrPort(*addr)
	if err != nil || !at.Addr().Is4() || pflag.NArg() > 0 {
		return fmt.Errorf("--listen %q: an IPv4 address and port is wanted, as 10.0.0.3:80", *addr)
	}
	root, err := os.OpenRoot(*dir)
	if err != nil {
		return fmt.Errorf("document root: %w", err)
	}
	defer root.Close()
	return serve(*name, at, root, port.StopOnSignal())
}
