// SPDX-License-Identifier: Apache-2.0

//go:build !dpdk

package main

import (
	"net/netip"
	"os"
	"sync/atomic"

	"crossing/servers/bypass/port"
)

func serve(string, netip.AddrPort, *os.Root, *atomic.Bool) error { return port.ErrNoDPDK }
