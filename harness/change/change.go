// SPDX-License-Identifier: Apache-2.0

// Package change alters what belongs to the whole machine (hugepages, CPU
// frequency, who drives a NIC) and puts it back.
//
// A step is a line for the shell, so that what is shown is what is run. How to
// undo it is written to a journal and on disk before the step runs: whatever
// dies, and wherever, the journal knows what may have to be put back. So each
// undo must do no harm where its step was not run.
package change

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Step is one change.
type Step struct {
	Why   string `json:"why"`
	Do    string `json:"do"`              // shell; empty: what Undo is for comes about later
	Check string `json:"check,omitempty"` // shell: fails if Do did nothing though it said it did
	Undo  string `json:"undo,omitempty"`  // shell; empty: an earlier step's undo takes it back, too
}

// Folder is where journals lie. A boot undoes all that steps do, and empties
// this folder, too.
const Folder = "/run/crossing"

// ErrBusy says that another process is at the same journal.
var ErrBusy = errors.New("another process is changing this machine, or has changed it for as long as it runs; wait for it")

// A Journal holds the steps that were begun and not undone, oldest first. It is
// locked against other processes until Close, or the end of this one.
type Journal struct {
	file  *os.File
	Steps []Step
}

// Open opens the journal in a file, or makes it.
func Open(name string) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fmt.Errorf("%w (%s)", ErrBusy, name)
		}
		return nil, err
	}
	j := &Journal{file: f}
	for d := json.NewDecoder(f); d.More(); {
		var s Step
		if err := d.Decode(&s); err != nil {
			// The last line was cut off as it was written: its step did not run.
			break
		}
		j.Steps = append(j.Steps, s)
	}
	return j, j.write()
}

// Close lets go of the journal. An empty one is removed.
func (j *Journal) Close() error {
	if len(j.Steps) == 0 {
		if err := os.Remove(j.file.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return j.file.Close()
}

// Do notes the step, runs it, and checks that it did what it should. A step
// that failed stays in the journal: it may have done a part.
func (j *Journal) Do(ctx context.Context, s Step) error {
	j.Steps = append(j.Steps, s)
	if err := j.write(); err != nil {
		return err
	}
	return s.Apply(ctx)
}

// Apply runs the step and checks that it did what it should. It is noted
// nowhere: for what an earlier step's undo takes back, too.
func (s Step) Apply(ctx context.Context) error {
	if err := shell(ctx, s.Do); err != nil {
		return err
	}
	if s.Check == "" {
		return nil
	}
	if err := shell(ctx, s.Check); err != nil {
		return fmt.Errorf("%s ended well and yet did not do it: %w", s.Do, err)
	}
	return nil
}

// Revert undoes a step that was applied.
func (s Step) Revert(ctx context.Context) error { return shell(ctx, s.Undo) }

// Undo puts everything back, the last step first, and tells each line before
// it runs. What cannot be put back stays in the journal, and the rest continues.
func (j *Journal) Undo(ctx context.Context, tell func(line string)) error {
	var left []Step
	var failed []error
	for len(j.Steps) > 0 {
		last := j.Steps[len(j.Steps)-1]
		if last.Undo != "" {
			tell(last.Undo)
			if err := shell(ctx, last.Undo); err != nil {
				failed, left = append(failed, err), append(left, last)
			}
		}
		j.Steps = j.Steps[:len(j.Steps)-1]
		if err := j.write(left...); err != nil {
			return err
		}
	}
	slices.Reverse(left)
	j.Steps = left
	return errors.Join(append(failed, j.write())...)
}

// UndoAll does so with every journal that there is.
func UndoAll(ctx context.Context, tell func(line string)) error {
	names, err := filepath.Glob(filepath.Join(Folder, "*.journal"))
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range names {
		j, err := Open(name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		failed = append(failed, j.Undo(ctx, tell), j.Close())
	}
	return errors.Join(failed...)
}

// write puts the steps on disk, then those that are to be tried again.
func (j *Journal) write(again ...Step) error {
	var text strings.Builder
	e := json.NewEncoder(&text)
	for _, s := range slices.Concat(j.Steps, again) {
		if err := e.Encode(s); err != nil {
			return err
		}
	}
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	if _, err := j.file.WriteAt([]byte(text.String()), 0); err != nil {
		return err
	}
	return j.file.Sync()
}

func shell(ctx context.Context, line string) error {
	out, err := exec.CommandContext(ctx, "sh", "-c", line).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Set is the step that writes a value into a file of the kernel's and reads it
// back. It is nil if the file holds the value already or is not there.
func Set(file, value, why string) []Step {
	old, err := os.ReadFile(file)
	was := strings.TrimSpace(string(old))
	if err != nil || was == value {
		return nil
	}
	return []Step{{
		Why: why, Do: fmt.Sprintf("echo %s >%s", value, file),
		Check: fmt.Sprintf(`test "$(cat %s)" = %s`, file, value),
		Undo:  fmt.Sprintf("echo %s >%s", was, file),
	}}
}
