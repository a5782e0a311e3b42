// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrMeasuring reports that another measurement is running on this machine.
var ErrMeasuring = errors.New("another measurement is running on this machine")

// lockName is the file that a measurement locks, for all users of the machine.
const lockName = "crossing-measurement.lock"

// Lock takes the machine for one measurement, since two would measure each other.
// The kernel releases it when the process ends, however it ends.
func Lock() (release func(), err error) {
	return lock(filepath.Join(os.TempDir(), lockName))
}

func lock(name string) (release func(), err error) {
	// Without O_CREAT first: a sticky folder forbids it on another user's file
	// (sysctl fs.protected_regular).
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		if f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666); err == nil {
			_ = f.Chmod(0o666) // whatever the umask
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the measurements' lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 300))
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrMeasuring, strings.TrimSpace(string(holder)))
		}
		return nil, fmt.Errorf("locking %s: %w", name, err)
	}
	if err := f.Truncate(0); err == nil {
		_, _ = fmt.Fprintf(f, "process %d, %.200s\n", os.Getpid(), strings.Join(os.Args, " "))
	}
	return func() { _ = f.Close() }, nil
}
