// SPDX-License-Identifier: Apache-2.0

//go:build !(dpdk && lwip)

package main

import (
	"errors"
	"net/netip"
	"sync/atomic"

	"crossing/servers/http1"
)

// errNoLwIP says that the program was built without lwIP.
var errNoLwIP = errors.New("this program was built without lwIP: run servers/bypass/dpdk-lwip/fetch.sh (it needs apt's source packages and a C compiler) and build with the tags dpdk and lwip")

func serve(string, netip.AddrPort, *http1.Site, *atomic.Bool) error { return errNoLwIP }
