// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	runsName    = "runs.parquet"
	machineName = "machine.json"
	packageName = "datapackage.json"
	sumsName    = "SHA256SUMS"
)

// ErrPartial says that a dataset's collection was cut off.
var ErrPartial = errors.New("a dataset that was never finished")

// A Dataset is a finished dataset, open for reading.
type Dataset struct {
	Dir  string
	Meta Meta
	runs []Run
}

// Open opens the dataset in dir and reads its runs; requests are read when
// asked for. It does not check the checksums: Verify does.
func Open(dir string) (*Dataset, error) {
	b, err := os.ReadFile(filepath.Join(dir, packageName))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, journalName)); err == nil || strings.HasSuffix(filepath.Clean(dir), ".partial") {
			return nil, fmt.Errorf("%s: %w; run its sweep again to resume it", dir, ErrPartial)
		}
		return nil, fmt.Errorf("%s is no dataset: it has no %s (`data ls` lists what is there)", dir, packageName)
	}
	if err != nil {
		return nil, err
	}
	d := &Dataset{Dir: dir}
	var p struct {
		Crossing Meta `json:"crossing"`
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("%s: %w; `data verify` tells what else is damaged", filepath.Join(dir, packageName), err)
	}
	d.Meta = p.Crossing
	if d.runs, err = readFile(filepath.Join(dir, runsName), readParquet[Run]); err != nil {
		return nil, err
	}
	return d, nil
}

// Runs returns every run, failed ones included, in the order of collection.
func (d *Dataset) Runs() []Run { return d.runs }

// Requests reads every request of a run, warm-up and failures included, sorted
// by connection and time. A failed run has none.
func (d *Dataset) Requests(r *Run) ([]Request, error) {
	if r.Outcome == Failed {
		return nil, nil
	}
	return readFile(d.file(r.RequestsFile()), ReadRequests)
}

// Stages reads the server-side times of a traced run; others have none.
func (d *Dataset) Stages(r *Run) ([]Stage, error) {
	name := d.file(r.StagesFile())
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return readFile(name, ReadStages)
}

// Machine is where the dataset was collected, as JSON.
func (d *Dataset) Machine() ([]byte, error) { return os.ReadFile(filepath.Join(d.Dir, machineName)) }

func (d *Dataset) file(name string) string { return filepath.Join(d.Dir, filepath.FromSlash(name)) }

func readFile[T any](name string, read func(io.ReaderAt, int64) ([]T, error)) ([]T, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w; `data verify` tells what is missing", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	rows, err := read(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w; the file is damaged or cut short, `data verify` tells what else is", name, err)
	}
	return rows, nil
}
