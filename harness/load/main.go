// SPDX-License-Identifier: Apache-2.0

package load

import (
	"fmt"
	"os"
)

// Main makes this process a worker or a null server, and ends it thereafter, if
// it was started as one (WorkerArg, NullArg). Otherwise it returns.
func Main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == WorkerArg:
		err = Worker()
	case len(os.Args) == 3 && os.Args[1] == NullArg:
		err = Null(os.Args[2])
	default:
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
