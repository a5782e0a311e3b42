// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
)

// Compare compares the runs of two datasets that have the same names and
// attempts: every column of their rows, and the files of their requests and
// stages byte by byte. It returns how many it compared and every difference;
// runs that only one of them has are none.
//
// Two collections of one design are equal only where time is virtual.
func Compare(a, b *Dataset) (compared int, differences []error) {
	type key struct {
		run     string
		attempt int32
	}
	inA := map[key]*Run{}
	for i := range a.runs {
		inA[key{a.runs[i].Run, a.runs[i].Attempt}] = &a.runs[i]
	}
	for i := range b.runs {
		theirs := &b.runs[i]
		ours, ok := inA[key{theirs.Run, theirs.Attempt}]
		if !ok {
			continue
		}
		compared++
		if columns := differing(ours, theirs); len(columns) > 0 {
			differences = append(differences, fmt.Errorf("%s: other values of %s", ours.Run, strings.Join(columns, ", ")))
		}
		if ours.Outcome == Failed {
			continue
		}
		for _, file := range []string{ours.RequestsFile(), ours.StagesFile()} {
			if err := sameFile(a.file(file), b.file(file)); err != nil {
				differences = append(differences, fmt.Errorf("%s: %w", ours.Run, err))
			}
		}
	}
	return compared, differences
}

// differing names the columns in which two rows differ, with both values.
func differing(a, b *Run) (columns []string) {
	x, y := reflect.ValueOf(*a), reflect.ValueOf(*b)
	for i := range x.NumField() {
		if p, q := x.Field(i).Interface(), y.Field(i).Interface(); p != q {
			name, _, _ := strings.Cut(x.Type().Field(i).Tag.Get("parquet"), ",")
			columns = append(columns, fmt.Sprintf("%s (%v, %v)", name, p, q))
		}
	}
	return columns
}

// sameFile compares two files, of which both or none may be there.
func sameFile(a, b string) error {
	x, errA := os.ReadFile(a)
	y, errB := os.ReadFile(b)
	switch {
	case errors.Is(errA, fs.ErrNotExist) && errors.Is(errB, fs.ErrNotExist):
		return nil
	case errA != nil || errB != nil:
		return errors.Join(errA, errB)
	case !bytes.Equal(x, y):
		return fmt.Errorf("%s and %s differ", a, b)
	}
	return nil
}
