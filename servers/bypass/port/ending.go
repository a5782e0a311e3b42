// SPDX-License-Identifier: Apache-2.0

package port

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// grace is how long a polling thread may take to end after a signal.
const grace = 10 * time.Second

// StopOnSignal returns a flag that SIGTERM or SIGINT sets; polling loops end when
// it is set. A process whose loops do not is ended with status 1, so that a signal
// always works; a second signal ends it at once.
func StopOnSignal() *atomic.Bool {
	var stop atomic.Bool
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT)
	go func() {
		<-signals
		stop.Store(true)
		select {
		case <-signals:
		case <-time.After(grace):
			fmt.Fprintf(os.Stderr, "a polling thread did not end within %v\n", grace)
		}
		os.Exit(1)
	}()
	return &stop
}

// crash ends the process if its thread panics, with the panic and its stack. DPDK's
// threads would swallow it: the process would live on without its loop. Defer it.
func crash(cpu int) {
	if p := recover(); p != nil {
		fmt.Fprintf(os.Stderr, "panic on the polling thread of CPU %d: %v\n\n%s", cpu, p, debug.Stack())
		os.Exit(2)
	}
}
