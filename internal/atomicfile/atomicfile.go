// SPDX-License-Identifier: Apache-2.0

// Package atomicfile writes files that readers see whole or not at all.
package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// mode is that of every file, whatever the umask: servers under test read them
// as another user.
const mode = 0o644

// Write replaces the file name by b. It is synced first, so that not even a
// crash of the machine leaves a part of it.
func Write(name string, b []byte) error {
	return WriteFrom(name, func(w io.Writer) error { _, err := w.Write(b); return err })
}

// WriteFrom replaces the file name by what write writes, as Write does. If that
// fails, the file is what it was.
func WriteFrom(name string, write func(io.Writer) error) error {
	f, err := renameio.NewPendingFile(name, renameio.WithStaticPermissions(mode), renameio.WithTempDir(filepath.Dir(name)))
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if err := write(f); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// Scratch replaces the file name by b without syncing it: for what need not
// outlive the machine's next crash, beside a server that is being measured.
func Scratch(name string, b []byte) error {
	tmp := name + ".new"
	err := os.WriteFile(tmp, b, mode)
	if err == nil {
		err = os.Chmod(tmp, mode)
	}
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		return errors.Join(err, removed(tmp))
	}
	return nil
}

// removed removes a file that may not be there.
func removed(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
