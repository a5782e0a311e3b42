// SPDX-License-Identifier: Apache-2.0

// Dpdk serves a document tree over HTTP/1.1 with the kernel bypassed: a port
// driven by DPDK, TCP/IP of our own, and the HTTP code of gopoll, on one
// thread per core, each with a queue pair of its own and nothing shared.
package main

import (
	"errors"
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
		fmt.Fprintln(os.Stderr, "dpdk:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	port   string
	addr   netip.AddrPort
	cores  int
	stages string
	mtu    int
}

// usage is what --help shows before the flags.
const usage = `Dpdk serves a folder on a port that DPDK drives, by TCP/IP of our own.

Examples:
  dpdk --port af_xdp:vs0 --listen 10.0.0.3:80 --root site
  dpdk --port af_packet:vs0 --listen 10.0.0.3:80 --root site --cores 2
  dpdk --port pci:0000:01:10.0 --listen 10.0.0.3:80 --root site

Flags:
`

func run() error {
	var o options
	pflag.StringVar(&o.port, "port", "", "port, as af_xdp:IFACE, af_packet:IFACE, memif-server:SOCKET, pci:ADDRESS")
	addr := pflag.String("listen", "", "IPv4 `address` and port to answer for, as 10.0.0.3:80; the kernel must not have it")
	root := pflag.String("root", ".", "document root")
	pflag.IntVar(&o.cores, "cores", 1, "cores, each with a queue pair")
	pflag.IntVar(&o.mtu, "mtu", 0, "MTU of the wire; 0: the port's")
	pflag.StringVar(&o.stages, "stages", os.Getenv("STAGES"), "write the times of each request's stages to this `file` at the end (one core); by default the variable STAGES names it")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	var err error
	if o.addr, err = netip.ParseAddrPort(*addr); err != nil || !o.addr.Addr().Is4() {
		return fmt.Errorf("--listen %q: an IPv4 address and port is wanted, as 10.0.0.3:80", *addr)
	}
	if pflag.NArg() > 0 || o.stages != "" && o.cores != 1 {
		return errors.New("bad arguments; see --help")
	}
	site, err := http1.Load(*root)
	if err != nil {
		return err
	}
	// What the loops allocate is a head per document and second; it is
	// collected only when it has grown.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(site.Bytes() + 1<<30)
	return serve(site, &o, port.StopOnSignal())
}
