// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"crossing/internal/atomicfile"
)

// ErrExists reports that a finished dataset stands where a new one should go.
var ErrExists = errors.New("a finished dataset is there already")

// ErrOtherDesign reports that a partial dataset of another design stands there.
var ErrOtherDesign = errors.New("a partial dataset of another design is there")

// ErrBusy reports that another process collects into the same dataset.
var ErrBusy = errors.New("another process is collecting into it")

// ErrDuplicate reports a run that the dataset has already.
var ErrDuplicate = errors.New("the dataset has this run already")

// A Writer collects runs. It is not safe for concurrent use.
type Writer struct {
	dir     string // where the dataset will be
	partial string
	runs    []Run
	lock    *os.File // of the partial folder, held until Finish or Close
	journal *os.File
}

// journalName holds a line of JSON for each run that is whole. It is what
// makes a run count: a Parquet file without its line is thrown away.
const journalName = "journal.jsonl"

const designName = "design.json"

// Create starts a dataset in dir, or resumes one that was interrupted there.
// design is any JSON that fixes what is collected; another design than the
// interrupted one is refused with ErrOtherDesign, a second writer with ErrBusy.
func Create(dir string, design any) (*Writer, error) {
	if _, err := os.Stat(filepath.Join(dir, sumsName)); err == nil {
		return nil, fmt.Errorf("%s: %w; choose another name or remove it", dir, ErrExists)
	}
	w := &Writer{dir: dir, partial: dir + ".partial"}
	if w.whole() {
		if err := os.Rename(w.partial, dir); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w; it only had to be renamed", dir, ErrExists)
	}
	if err := os.MkdirAll(w.partial, 0o755); err != nil {
		return nil, fmt.Errorf("starting a dataset: %w", err)
	}
	if err := w.acquire(); err != nil {
		return nil, err
	}
	err := w.sameDesign(design)
	if err == nil {
		err = w.resume()
	}
	if err != nil {
		return nil, errors.Join(err, w.lock.Close())
	}
	return w, nil
}

// acquire locks the partial folder. The kernel releases the lock when the
// process ends, however it ends.
func (w *Writer) acquire() error {
	f, err := os.Open(w.partial)
	if err != nil {
		return err
	}
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		_ = f.Close()
		return fmt.Errorf("%s: %w; wait for it, or choose another folder", w.dir, ErrBusy)
	case err != nil:
		_ = f.Close()
		return fmt.Errorf("locking %s: %w", w.partial, err)
	}
	w.lock = f
	return nil
}

// whole reports whether the partial folder is a finished dataset: the process
// died just before it renamed it.
func (w *Writer) whole() bool {
	if _, err := os.Stat(filepath.Join(w.partial, journalName)); err == nil {
		return false
	}
	return Verify(w.partial) == nil
}

func (w *Writer) sameDesign(design any) error {
	want, err := json.MarshalIndent(design, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(w.partial, designName)
	got, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return atomicfile.Write(name, want)
	case err != nil:
		return err
	case !bytes.Equal(got, want):
		return fmt.Errorf("%s: %w; finish that with its own plan, choose another name, or remove the folder", w.partial, ErrOtherDesign)
	}
	return nil
}

// resume reads the journal and throws away what it does not name.
func (w *Writer) resume() error {
	name := filepath.Join(w.partial, journalName)
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	whole := old[:bytes.LastIndexByte(old, '\n')+1] // the last line may be torn
	for _, line := range bytes.Split(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var r Run
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("%s is damaged: %w; remove the folder to start again", name, err)
		}
		w.runs = append(w.runs, r)
	}
	if w.journal, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644); err != nil {
		return err
	}
	if err := w.journal.Truncate(int64(len(whole))); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, r := range w.runs {
		if r.Outcome != Failed {
			known[r.RequestsFile()] = true
			known[r.StagesFile()] = true
		}
	}
	return filepath.WalkDir(w.partial, func(path string, d fs.DirEntry, err error) error {
		// A name that begins with a dot is a file that was not whole when the
		// process died (atomicfile).
		unfinished := strings.HasPrefix(d.Name(), ".")
		if err != nil || d.IsDir() || !(strings.HasSuffix(path, ".parquet") || unfinished) {
			return err
		}
		if rel, _ := filepath.Rel(w.partial, path); !known[filepath.ToSlash(rel)] {
			return os.Remove(path)
		}
		return nil
	})
}

// Runs are the runs collected so far, those before an interruption included.
func (w *Writer) Runs() []Run { return slices.Clone(w.runs) }

// Partial is the folder that is collected into.
func (w *Writer) Partial() string { return w.partial }

// Add stores one run with its requests and, for a traced run, its stages. When
// it returns without error the run survives the death of the process; when it
// returns an error, what was collected before is untouched.
func (w *Writer) Add(r Run, requests []Request, stages []Stage) error {
	if err := r.check(); err != nil {
		return err
	}
	for i := range w.runs {
		if err := w.runs[i].collides(&r); err != nil {
			return err
		}
	}
	if r.Outcome != Failed {
		var b bytes.Buffer
		if err := WriteRequests(&b, requests); err != nil {
			return fmt.Errorf("run %s: %w", r.Run, err)
		}
		if err := w.store(r.RequestsFile(), b.Bytes()); err != nil {
			return fmt.Errorf("run %s: %w", r.Run, err)
		}
	}
	if len(stages) > 0 {
		var b bytes.Buffer
		if err := WriteStages(&b, stages); err != nil {
			return fmt.Errorf("run %s: %w", r.Run, err)
		}
		if err := w.store(r.StagesFile(), b.Bytes()); err != nil {
			return fmt.Errorf("run %s: %w", r.Run, err)
		}
	}
	return w.enter(r)
}

func (w *Writer) store(name string, b []byte) error {
	file := filepath.Join(w.partial, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return atomicfile.Write(file, b)
}

// enter writes the journal's line. A line that could not be written whole (a
// full disk) is taken back, so that the journal never holds half of one.
func (w *Writer) enter(r Run) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("run %s: %w", r.Run, err)
	}
	before, err := w.journal.Stat()
	if err != nil {
		return err
	}
	if _, err := w.journal.Write(append(line, '\n')); err != nil {
		_ = w.journal.Truncate(before.Size())
		return fmt.Errorf("run %s: %w", r.Run, err)
	}
	if err := w.journal.Sync(); err != nil {
		return err
	}
	w.runs = append(w.runs, r)
	return nil
}

// Finish writes what describes the dataset and renames it to its place.
// machine is any JSON that tells where it was collected.
func (w *Writer) Finish(m Meta, machine any) error {
	slices.SortStableFunc(w.runs, func(a, b Run) int {
		if a.Block != b.Block {
			return int(a.Block - b.Block)
		}
		if a.Order != b.Order {
			return int(a.Order - b.Order)
		}
		return int(a.Attempt - b.Attempt)
	})
	var b bytes.Buffer
	if err := writeParquet(&b, w.runs); err != nil {
		return fmt.Errorf("writing the runs: %w", err)
	}
	if err := w.store(runsName, b.Bytes()); err != nil {
		return err
	}
	where, err := json.MarshalIndent(machine, "", "  ")
	if err != nil {
		return err
	}
	if err := w.store(machineName, append(where, '\n')); err != nil {
		return err
	}
	if err := describe(w.partial, m, w.runs); err != nil {
		return err
	}
	// The journal goes last: as long as it is there, everything can be done
	// again, whatever failed.
	if err := writeSums(w.partial); err != nil {
		return err
	}
	if err := w.journal.Close(); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(w.partial, journalName)); err != nil {
		return err
	}
	if err := os.Rename(w.partial, w.dir); err != nil {
		return fmt.Errorf("the dataset is whole in %s, but cannot be renamed: %w", w.partial, err)
	}
	return w.lock.Close()
}

// Close leaves the dataset partial; Create resumes it.
func (w *Writer) Close() error { return errors.Join(w.journal.Close(), w.lock.Close()) }
