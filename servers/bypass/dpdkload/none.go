//go:build !dpdk

package main

import (
	"sync/atomic"

	"crossing/servers/bypass/port"
)

func load(*options, *atomic.Bool) (*Result, error) { return nil, port.ErrNoDPDK }
