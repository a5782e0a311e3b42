// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"crossing/data/dataset"
)

// An Outcome is what running a cell brought.
type Outcome struct {
	Run      dataset.Run
	Requests []dataset.Request
	Stages   []dataset.Stage
}

// A Runner runs cells on a testbed. An error means that the cell brought no
// measurement; the sweep records that and tries again.
type Runner interface {
	Run(ctx context.Context, c Cell) (*Outcome, error)
	// Machine is where the cells run, as JSON.
	Machine() (any, error)
}

const (
	outcomeRun      = "run.json"
	outcomeRequests = "requests.parquet"
	outcomeStages   = "stages.parquet"
)

// Write leaves the outcome in dir, for a runner outside of the guest to read.
func (o *Outcome) Write(dir string) error {
	run, err := json.Marshal(&o.Run)
	if err != nil {
		return err
	}
	var requests, stages bytes.Buffer
	if err := dataset.WriteRequests(&requests, o.Requests); err != nil {
		return err
	}
	if err := dataset.WriteStages(&stages, o.Stages); err != nil {
		return err
	}
	for name, b := range map[string][]byte{outcomeRun: run, outcomeRequests: requests.Bytes(), outcomeStages: stages.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ReadOutcome reads what Write left.
func ReadOutcome(dir string) (*Outcome, error) {
	o := &Outcome{}
	run, err := os.ReadFile(filepath.Join(dir, outcomeRun))
	if err != nil {
		return nil, fmt.Errorf("the cell left no outcome: %w", err)
	}
	if err := json.Unmarshal(run, &o.Run); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, outcomeRequests))
	if err != nil {
		return nil, err
	}
	if o.Requests, err = dataset.ReadRequests(bytes.NewReader(b), int64(len(b))); err != nil {
		return nil, err
	}
	if b, err = os.ReadFile(filepath.Join(dir, outcomeStages)); err != nil {
		return nil, err
	}
	o.Stages, err = dataset.ReadStages(bytes.NewReader(b), int64(len(b)))
	return o, err
}
