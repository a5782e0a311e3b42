// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"crossing/servers/bypass/port"
	"crossing/servers/nethttp"
)

func serve(name string, at netip.AddrPort, root *os.Root, stop *atomic.Bool) error {
	p, err := port.Open(name, 1)
	if err != nil {
		return err
	}
	defer p.Close()
	p.SharesCPU = true // by the goroutines that answer
	w, l, err := newStack(p.MAC, at)
	if err != nil {
		return err
	}
	server := nethttp.Server(root)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "dpdk-netstack:", err)
			stop.Store(true)
		}
	}()
	fmt.Printf("dpdk-netstack: serving at %s at %s, MAC %s\n", at, name, p.MAC)
	err = p.Run(func(q *port.Queue) error {
		room := q.Send(0)
		for !stop.Load() {
			n := q.Poll(0)
			for i := range n {
				f, _ := q.Frame(i)
				w.inject(f)
			}
			sent := 0
			for ; sent < 64; sent++ {
				k := w.next(room)
				if k == 0 {
					break
				}
				room = q.Send(k)
			}
			if n == 0 && sent == 0 {
				// The goroutines that answer may have this CPU only.
				syscall.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
			}
		}
		return nil
	})
	_ = server.Close()
	return err
}
