// SPDX-License-Identifier: Apache-2.0

// Package load puts HTTP/1.1 load on a server and records every request.
//
// A closed loop keeps one request outstanding on each of its connections, as
// wrk does. An open loop (Config.Schedule) sends requests at times that were
// drawn beforehand, on whichever connection is free; a request that finds none
// waits, and that wait is part of its response time.
//
//	r, err := load.Run(ctx, load.Config{
//		Target:      netip.MustParseAddrPort("10.78.0.1:8080"),
//		Path:        "/100",
//		BodyLen:     100,
//		Connections: 8,
//		WarmUp:      time.Second,
//		Duration:    10 * time.Second,
//		CPUs:        []int{1},
//		Command:     client.Command, // in the client's namespace
//	})
//
// Run starts its own program again, once per worker, with the argument
// WorkerArg; a program that uses this package calls Main first:
//
//	func main() { load.Main(); … }
//
// The worker is a process of its own so that nothing else happens in it while
// it measures: no garbage collection, no preemption, one pinned thread. It
// shares with its parent the memory that holds the rows, and exchanges a few
// lines of JSON with it over its standard streams. Config.Command decides where
// it runs; it has to hand down file 3.
//
// The rows (data.Request) are everything. Result.Summary computes from them
// what a terminal shows, and the checks of the run: occupancy, Little's law,
// adherence.
//
// In virtual time use Block: a poller would burn the time that it measures.
// Nothing depends on chance but Config.Seed.
package load
