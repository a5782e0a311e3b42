// SPDX-License-Identifier: Apache-2.0

//go:build !dpdk

package main

import (
	"sync/atomic"

	"crossing/servers/bypass/port"
	"crossing/servers/http1"
)

func serve(*http1.Site, *options, *atomic.Bool) error { return port.ErrNoDPDK }
