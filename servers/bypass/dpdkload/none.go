// SPDX-License-Identifier: Apache-2.0

//go:build !dpdk

package main

import (
	"sync/atomic"

	"crossing/servers/bypass/port"
)

func load(*options, []cell, *atomic.Bool, func(*Result) error) error { return port.ErrNoDPDK }
