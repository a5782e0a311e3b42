// SPDX-License-Identifier: Apache-2.0

// Dpdk-lwip serves a document tree with lwIP's TCP (raw API, no threads) on a
// port that DPDK drives, the combination that earlier studies of kernel bypass
// used, and the HTTP code of the other tiers. Only the stack is another.
package main

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"crossing/servers/http1"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "dpdk-lwip:", err)
		os.Exit(1)
	}
}

// usage is what -help shows before the flags.
const usage = `Dpdk-lwip serves a folder on a port that DPDK drives, by lwIP.

Examples:
  dpdk-lwip -port af_xdp:vs0 -addr 10.0.0.3:80 -root site

Flags:
`

func run() error {
	port := flag.String("port", "", "port, as af_xdp:IFACE, af_packet:IFACE, memif-server:SOCKET, pci:ADDRESS")
	addr := flag.String("addr", "", "IPv4 `address` and port to answer for; the kernel must not have it")
	root := flag.String("root", ".", "document root")
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage); flag.PrintDefaults() }
	flag.Parse()
	at, err := netip.ParseAddrPort(*addr)
	if err != nil || !at.Addr().Is4() || flag.NArg() > 0 {
		return fmt.Errorf("-addr %q: an IPv4 address and port is wanted, as 10.0.0.3:80", *addr)
	}
	site, err := http1.Load(*root)
	if err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(site.Bytes() + 1<<30)
	var stop atomic.Bool
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT)
	go func() { <-signals; stop.Store(true) }()
	return serve(*port, at, site, &stop)
}
