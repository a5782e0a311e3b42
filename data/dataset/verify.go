// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crossing/internal/atomicfile"
)

// sums returns the SHA-256 of every file below dir but SHA256SUMS itself, in
// the form that sha256sum -c reads.
func sums(dir string) ([]byte, error) {
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || rel == sumsName || rel == journalName {
			return err
		}
		sum, err := hashFile(path)
		if err != nil {
			return err
		}
		lines = append(lines, sum+"  "+filepath.ToSlash(rel)+"\n")
		return nil
	})
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[66:], b[66:]) })
	return []byte(strings.Join(lines, "")), err
}

func writeSums(dir string) error {
	b, err := sums(dir)
	if err != nil {
		return fmt.Errorf("checksums: %w", err)
	}
	return atomicfile.Write(filepath.Join(dir, sumsName), b)
}

func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Verify checks the dataset in dir: each file against its checksum, no file
// too many or too few, and runs and requests against each other. It returns
// every fault that it finds.
func Verify(dir string) error {
	var faults []error
	fault := func(format string, arg ...any) { faults = append(faults, fmt.Errorf(format, arg...)) }
	want, err := os.ReadFile(filepath.Join(dir, sumsName))
	if err != nil {
		if _, openErr := Open(dir); openErr != nil {
			return openErr
		}
		return fmt.Errorf("%w; download the dataset again", err)
	}
	listed := map[string]string{}
	for s := bufio.NewScanner(bytes.NewReader(want)); s.Scan(); {
		sum, name, ok := strings.Cut(s.Text(), "  ")
		if !ok || len(sum) != 64 || !filepath.IsLocal(name) {
			fault("%s: line %q is damaged", sumsName, s.Text())
			continue
		}
		listed[name] = sum
	}
	got, err := sums(dir)
	if err != nil {
		return err
	}
	if bytes.Equal(got, want) {
		return consistent(dir)
	}
	for s := bufio.NewScanner(bytes.NewReader(got)); s.Scan(); {
		sum, name, _ := strings.Cut(s.Text(), "  ")
		switch w, ok := listed[name]; {
		case !ok:
			fault("%s: a file that the dataset does not have; remove it", filepath.Join(dir, name))
		case w != sum:
			fault("%s: SHA-256 %s, recorded %s; download the file again", filepath.Join(dir, name), sum, w)
		}
		delete(listed, name)
	}
	for name := range listed {
		fault("%s: missing; download the file again", filepath.Join(dir, name))
	}
	if len(faults) == 0 {
		fault("%s: not in its own order or form; download it again", filepath.Join(dir, sumsName))
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(faults...)
}

// consistent compares what the runs say with what their requests hold.
func consistent(dir string) error {
	d, err := Open(dir)
	if err != nil {
		return err
	}
	if len(d.runs) == 0 {
		return fmt.Errorf("%s: %s has no run", dir, runsName)
	}
	var faults []error
	for i := range d.runs {
		r := &d.runs[i]
		for _, other := range d.runs[:i] {
			if err := other.collides(r); err != nil {
				faults = append(faults, err)
			}
		}
		latencies, err := d.Latencies(r, Response, nil)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if int64(len(latencies)) != r.Requests {
			faults = append(faults, fmt.Errorf("run %s: %d requests, but its file holds %d", r.Run, r.Requests, len(latencies)))
		}
	}
	return errors.Join(faults...)
}
