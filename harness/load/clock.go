// SPDX-License-Identifier: Apache-2.0

package load

import _ "unsafe" // for go:linkname

// now is CLOCK_MONOTONIC in nanoseconds, the clock that bpf_ktime_get_ns and
// the other processes of a run read too. The runtime's own function is used
// because it is absolute and has no stack check (see hold).
//
//go:linkname now runtime.nanotime
func now() int64

// Now is CLOCK_MONOTONIC in nanoseconds, which Result.OriginNs is of.
func Now() int64 { return now() }

// hold keeps this goroutine on its processor until release. Without it the
// runtime's monitor asks a goroutine that ran for 10 ms to yield, and a
// goroutine locked to its thread yields by two context switches.
// Between the two only raw system calls may be made.
//
//go:linkname hold runtime.procPin
func hold() int

//go:linkname release runtime.procUnpin
func release()
