// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLock(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	name := filepath.Join(t.TempDir(), "lock")
	release, err := lock(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(name); !errors.Is(err, ErrMeasuring) || !strings.Contains(err.Error(), "process ") {
		t.Errorf("a second measurement: %v", err)
	}
	release()
	release, err = lock(name)
	if err != nil {
		t.Fatalf("after the first one's end: %v", err)
	}
	release()
	if _, err := lock(filepath.Join(t.TempDir(), "none", "lock")); err == nil || errors.Is(err, ErrMeasuring) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
