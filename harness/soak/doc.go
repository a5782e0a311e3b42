// SPDX-License-Identifier: Apache-2.0

// Package soak runs servers at full load for a long time on a wire that loses
// and reorders, compares every byte of every answer, and watches whether any of
// them takes more and more of the machine.
//
// It measures nothing: all servers run side by side and take each other's time.
package soak

import "time"

// A Config says what to soak and for how long.
type Config struct {
	Duration    time.Duration
	Connections int    // to each server
	Netem       string // what happens to frames in each direction, in the words of tc-netem(8)
	Seed        uint64 // of what the clients ask for
	Say         func(line string)
}

// Wire is a bad one as they are: a little far, one frame in a hundred lost, one
// in twenty overtaking those before it.
const Wire = "limit 10000 delay 2ms loss 1% reorder 95%"
