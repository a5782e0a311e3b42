// SPDX-License-Identifier: Apache-2.0

// Dpdk-lwip serves a document tree with lwIP's TCP (raw API, no threads) on a
// port that DPDK drives, the combination that earlier studies of kernel bypass
// used, and the HTTP code of the other tiers. Only the stack is another.
package main

import (
	"fmt"
	"net/netip"
	"os"
	"runtime/debug"

	"github.com/spf13/pflag"

	"crossing/servers/bypass/port"
	"crossing/servers/http1"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "dpdk-lwip:", err)
		os.Exit(1)
	}
}

// usage is what --help shows before the flags.
const usage = `Dpdk-lwip serves a folder on a port that DPDK drives, by lwIP.

Examples:
  dpdk-lwip --port af_xdp:vs0 --listen 10.0.0.3:80 --root site

Flags:
`

func run() error {
	name := pflag.String("port", "", "port, as af_xdp:IFACE, af_packet:IFACE, memif-server:SOCKET, pci:ADDRESS")
	addr := pflag.String("listen", "", "IPv4 `address` and port to answer for; the kernel must not have it")
	root := pflag.String("root", ".", "document root")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	at, err := netip.ParseAddrPort(*addr)
	if err != nil || !at.Addr().Is4() || pflag.NArg() > 0 {
		return fmt.Errorf("--listen %q: an IPv4 address and port is wanted, as 10.0.0.3:80", *addr)
	}
	site, err := http1.Load(*root)
	if err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(site.Bytes() + 1<<30)
	return serve(*name, at, site, port.StopOnSignal())
}
