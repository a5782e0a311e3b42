// SPDX-License-Identifier: Apache-2.0

package mailbox

// Places in the guest that both sides know.
const (
	JobPath = "/job.json"  // the Job, in the initial file system
	RootFS  = "/root.sqfs" // the guest's Debian, read-only
	OutDir  = "/out"       // what a command leaves here comes back
	JobDir  = "/job"       // the run's own files
)

// A Job tells the guest's init program what to do.
type Job struct {
	Modules     []string // kernel modules to load before all else, in this order
	Argv        []string // command; found in PATH
	Env         []string // KEY=value, beside the few that init sets
	Dir         string   // working directory; empty: JobDir
	Hugepages   int      // of 2 MiB, reserved at start
	Interactive bool     // the command owns the first serial port as its terminal
}
