// SPDX-License-Identifier: Apache-2.0

package show

import (
	"encoding/csv"
	"os"
	"path/filepath"
)

func saveCSV(name string, header []string, rows [][]string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	_ = w.Write(header)
	if err := w.WriteAll(rows); err != nil { // WriteAll flushes and returns any earlier error
		f.Close()
		return err
	}
	return f.Close()
}
