// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"path"
	"regexp"
)

// partition names a run's file as Hive names partitions. Attempts that failed
// have no file, so block and cell identify it.
func partition(table string, r *Run) string {
	return path.Join(table, "tier="+r.Tier, "load="+r.Load, "file="+r.File, fmt.Sprintf("block=%02d.parquet", r.Block))
}

// label is what may stand in a partition's name on any file system.
var label = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)

func (r *Run) check() error {
	for _, part := range []struct{ column, value string }{{"tier", r.Tier}, {"load", r.Load}, {"file", r.File}} {
		if !label.MatchString(part.value) {
			return fmt.Errorf("run %s: %s %q cannot be a folder's name; use letters, digits and . _ + -", r.Run, part.column, part.value)
		}
	}
	return nil
}

// collides returns an error if the two runs cannot be in one dataset: they have
// the same name and attempt, or the same file.
func (r *Run) collides(other *Run) error {
	switch {
	case r.Run == other.Run && r.Attempt == other.Attempt:
		return fmt.Errorf("run %s, attempt %d: %w", r.Run, r.Attempt, ErrDuplicate)
	case r.Outcome != Failed && other.Outcome != Failed && r.RequestsFile() == other.RequestsFile():
		return fmt.Errorf("run %s: %w: run %s has the same tier, load, file and block", other.Run, ErrDuplicate, r.Run)
	}
	return nil
}
