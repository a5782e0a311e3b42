// SPDX-License-Identifier: Apache-2.0

package load_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"crossing/harness/load"
)

// A closed loop of four connections for a fifth of a second. The program that
// calls Run must call Main first, since Run starts it again as its worker.
func ExampleRun() {
	target, err := load.StartNull(context.Background(), netip.MustParseAddrPort("127.0.0.1:0"), -1, 100, true, nil)
	if err != nil {
		panic(err)
	}
	defer target.Close()
	r, err := load.Run(context.Background(), load.Config{
		Target: target.Addr, Path: "/100", BodyLen: 100, Connections: 4, Mode: load.Block,
		WarmUp: 50 * time.Millisecond, Duration: 200 * time.Millisecond, MaxRate: 200000,
	})
	if err != nil {
		panic(err)
	}
	s := r.Summary()
	fmt.Println("all answered as demanded:", s.OK > 0 && s.Failed == 0)
	fmt.Println("every request is a row:", len(r.Requests) >= s.Requests)
	// Output:
	// all answered as demanded: true
	// every request is a row: true
}
