// SPDX-License-Identifier: Apache-2.0

package port

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// lock takes the port for this process: by a name in the network namespace
// (an abstract socket), which is gone with the process however it ends, and
// does not collide with an interface of the same name in another namespace.
func lock(s Spec) (io.Closer, error) {
	l, err := net.Listen("unix", "@crossing/port/"+s.String())
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s: another server has it; stop that one first (ss -xlp shows who holds @crossing/port/%s)", s, s)
	}
	return l, err
}
