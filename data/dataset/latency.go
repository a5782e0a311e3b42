// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// A Latency says from which moment a request's latency counts.
type Latency int

// The two honest latencies of a request; in a closed loop they are the same.
const (
	Response Latency = iota // from when it was due
	Service                 // from when it was sent
)

// Latencies appends to buf the latency in ns of every request of the run that
// was answered as demanded after the warm-up. It reads only the columns it
// needs, a page at a time, some hundred times as fast as whole rows.
func (d *Dataset) Latencies(r *Run, kind Latency, buf []int64) ([]int64, error) {
	if r.Outcome == Failed {
		return buf, nil
	}
	err := d.columns(r, func(f *parquet.File) (err error) {
		buf, err = latencies(f, kind, buf)
		return err
	})
	return buf, err
}

// Stamped reports whether any request of the run has a receive stamp of the
// kernel's or the NIC's. It reads that one column.
func (d *Dataset) Stamped(r *Run) (stamped bool, err error) {
	if r.Outcome == Failed {
		return false, nil
	}
	err = d.columns(r, func(f *parquet.File) error {
		for _, group := range f.RowGroups() {
			if stamped {
				return nil
			}
			err := eachPage(f, group, "stamp_lag_ns", func(_ int, p parquet.Page) error {
				d := p.Data()
				stamped = stamped || slices.ContainsFunc(d.Int64(), func(lag int64) bool { return lag != 0 })
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return stamped, err
}

// columns opens a run's requests to be read by columns.
func (d *Dataset) columns(r *Run, use func(*parquet.File) error) error {
	name := d.file(r.RequestsFile())
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("%w; `data verify` tells what is missing", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := guarded(f, info.Size(), use); err != nil {
		return fmt.Errorf("%s: %w; the file is damaged or cut short, `data verify` tells what else is", name, err)
	}
	return nil
}

// guarded lets use read a Parquet file, some of whose damage the library
// answers with a panic.
func guarded(r io.ReaderAt, size int64, use func(*parquet.File) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("no readable Parquet: %v", p)
		}
	}()
	f, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	return use(f)
}

func latencies(f *parquet.File, kind Latency, buf []int64) ([]int64, error) {
	parts := []string{"ttfb_ns", "transfer_ns"}
	if kind == Response {
		parts = append(parts, "lateness_ns")
	}
	for _, group := range f.RowGroups() {
		n := int(group.NumRows())
		start := len(buf)
		buf = append(buf, make([]int64, n)...)
		sum := buf[start:]
		for _, part := range parts {
			if err := addColumn(f, group, part, sum); err != nil {
				return nil, err
			}
		}
		keep := make([]bool, n)
		if err := keepers(f, group, keep); err != nil {
			return nil, err
		}
		k := 0
		for i, ok := range keep {
			if ok {
				sum[k] = sum[i]
				k++
			}
		}
		buf = buf[:start+k]
	}
	return buf, nil
}

// eachPage calls use with every page of a column and the row it begins at.
func eachPage(f *parquet.File, group parquet.RowGroup, column string, use func(at int, p parquet.Page) error) error {
	leaf, ok := f.Schema().Lookup(column)
	if !ok {
		return fmt.Errorf("no column %s", column)
	}
	pages := group.ColumnChunks()[leaf.ColumnIndex].Pages()
	defer pages.Close()
	for at := 0; ; {
		p, err := pages.ReadPage()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", column, err)
		}
		if err := use(at, p); err != nil {
			return fmt.Errorf("column %s: %w", column, err)
		}
		at += int(p.NumValues())
		parquet.Release(p)
	}
}

func addColumn(f *parquet.File, group parquet.RowGroup, column string, sum []int64) error {
	return eachPage(f, group, column, func(at int, p parquet.Page) error {
		d := p.Data()
		values := d.Int64()
		if at+len(values) > len(sum) {
			return fmt.Errorf("more values than rows")
		}
		for i, v := range values {
			sum[at+i] += v
		}
		return nil
	})
}

// keepers marks the rows that belong to the steady state and were answered.
func keepers(f *parquet.File, group parquet.RowGroup, keep []bool) error {
	err := eachPage(f, group, "failure", func(at int, p parquet.Page) error {
		dictionary := p.Dictionary()
		if dictionary == nil {
			return fmt.Errorf("not encoded by dictionary")
		}
		good := int32(-1)
		for i := range dictionary.Len() {
			if dictionary.Index(int32(i)).String() == None.String() {
				good = int32(i)
			}
		}
		d := p.Data()
		indexes := d.Int32()
		if at+len(indexes) > len(keep) {
			return fmt.Errorf("more values than rows")
		}
		for i, x := range indexes {
			keep[at+i] = x == good
		}
		return nil
	})
	if err != nil {
		return err
	}
	return eachPage(f, group, "warmup", func(at int, p parquet.Page) error {
		// Booleans come packed, the first in the lowest bit.
		d := p.Data()
		bits := d.Boolean()
		n := int(p.NumValues())
		if at+n > len(keep) || n > 8*len(bits) {
			return fmt.Errorf("more values than rows")
		}
		for i := range n {
			if bits[i/8]>>(i%8)&1 == 1 {
				keep[at+i] = false
			}
		}
		return nil
	})
}
