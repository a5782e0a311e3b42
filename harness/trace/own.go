// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
)

// columns are those of a server's own stages, named as the dataset's are: what a
// request is known by, then when it passed its points, CLOCK_MONOTONIC in ns.
var columns = []string{
	"port", "offset",
	"device_ns", "tcp_ns", "ready_ns", "woken_ns", "oncpu_ns", "recv_ns", "send_ns", "first_tx_ns", "last_tx_ns",
}

// Own is the tracer of a server that takes its own stages. It writes them to
// the file by the time it has ended, which end makes it do: CSV under a header
// that names the columns that the server has, at least port and offset.
func Own(file string, end func()) *Tracer {
	return &Tracer{Level: Server, own: func() ([]record, error) {
		end()
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the server has not written its stages to %s; its tier file says `stages: server`", file)
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		records, err := readOwn(f)
		if err != nil {
			return nil, fmt.Errorf("the server's own stages, %s: %w", file, err)
		}
		return records, nil
	}}
}

// readOwn reads what a server wrote.
func readOwn(r io.Reader) ([]record, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("no header: %w", err)
	}
	at := make([]int, len(header))
	for i, name := range header {
		if at[i] = slices.Index(columns, name); at[i] < 0 {
			return nil, fmt.Errorf("column %q is not known; there are %v", name, columns)
		}
		if slices.Index(header, name) != i {
			return nil, fmt.Errorf("column %q is there twice", name)
		}
	}
	if !slices.Contains(at, 0) || !slices.Contains(at, 1) {
		return nil, errors.New("columns port and offset, which name a request, are wanted")
	}
	var records []record
	for {
		row, err := in.Read()
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		var rec record
		for i, text := range row {
			most := uint64(math.MaxInt64)
			if at[i] == 0 {
				most = math.MaxUint16
			}
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil || n > most {
				return nil, fmt.Errorf("row %d, column %s: %q is no number up to %d", len(records)+1, columns[at[i]], text, most)
			}
			switch at[i] {
			case 0:
				rec.port = uint32(n)
			case 1:
				rec.offset = n
			default:
				rec.at[at[i]-2] = n
			}
		}
		records = append(records, rec)
	}
}
