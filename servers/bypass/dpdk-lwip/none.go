//go:build !(dpdk && lwip)

package main

import (
	"net/netip"
	"sync/atomic"

	"crossing/servers/http1"
)

func serve(string, netip.AddrPort, *http1.Site, *atomic.Bool) error { return errNoLwIP }
