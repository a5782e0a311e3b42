// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

// L2echo sends each frame back to where it came from: the floor under every
// server on the same port.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"crossing/servers/bypass/port"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "l2echo:", err)
		os.Exit(1)
	}
}

// usage is what --help shows before the flags.
const usage = `L2echo sends each frame back to where it came from.

Examples:
  l2echo --port af_xdp:vs0

Flags:
`

func run() error {
	name := pflag.String("port", "", "port, as af_xdp:IFACE")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	stop := port.StopOnSignal()
	p, err := port.Open(*name, 1)
	if err != nil {
		return err
	}
	defer p.Close()
	fmt.Println("l2echo: ready on", *name)
	return p.Run(func(q *port.Queue) error {
		room := q.Send(0)
		for !stop.Load() {
			for i := range q.Poll(p.Hz / 20000) {
				f, _ := q.Frame(i)
				if len(f) < 14 || f[12] != 0x88 || f[13] != 0xb5 {
					continue
				}
				n := copy(room, f)
				copy(room[0:6], f[6:12])
				copy(room[6:12], p.MAC)
				room = q.Send(n)
			}
		}
		return nil
	})
}
