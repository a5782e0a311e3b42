// SPDX-License-Identifier: Apache-2.0

package load

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"unsafe"

	"crossing/data/dataset"

	"golang.org/x/sys/unix"
)

// A record is the memory that the parent and one worker share: a page with a
// few words for talking while the loop runs, then the rows themselves. The
// worker writes each request straight into its row; nobody copies or encodes
// anything until the run is over, and a worker that dies loses no row.
//
// In an open loop the parent fills in IntendedNs and WarmUp of the first rows
// beforehand: the schedule is the table, and the queue of requests that no
// connection was free for is the rows that are due and not sent.
type record struct {
	file *os.File
	mem  []byte
	*control
	rows []dataset.Request
}

// A control is the first page of a record.
type control struct {
	stop atomic.Uint32 // set by the parent: end the run now
	used atomic.Int64  // rows begun, as of the last millisecond
	done atomic.Int64  // requests completed, as of the last millisecond
}

const (
	controlSize = 4096
	rowSize     = int(unsafe.Sizeof(dataset.Request{}))
)

// newRecord makes a record without a place in any file system.
func newRecord(rows int) (*record, error) {
	if size, have := rows*rowSize, availableMemory(); size > have/4*3 {
		return nil, fmt.Errorf("%d rows take %d MB of the %d MB of memory that are free: lower the rate, the duration or Config.MaxRate", rows, size>>20, have>>20)
	}
	fd, err := unix.MemfdCreate("load", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory for the rows: %w", err)
	}
	f := os.NewFile(uintptr(fd), "load rows")
	if err := f.Truncate(int64(controlSize + rows*rowSize)); err != nil {
		f.Close()
		return nil, fmt.Errorf("memory for %d rows: %w", rows, err)
	}
	r, err := openRecord(f, 0)
	if err != nil {
		f.Close()
	}
	return r, err
}

// openRecord maps a record; flags may hold MAP_POPULATE, so that no page fault
// falls into the measurement.
func openRecord(f *os.File, flags int) (*record, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	n := (int(info.Size()) - controlSize) / rowSize
	if n < 1 {
		return nil, fmt.Errorf("the record of %d bytes holds no row", info.Size())
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|flags)
	if err != nil {
		return nil, fmt.Errorf("map %d MB of rows: %w (lower the rate, the duration or Config.MaxRate)", info.Size()>>20, err)
	}
	return &record{
		file:    f,
		mem:     mem,
		control: (*control)(unsafe.Pointer(&mem[0])),
		rows:    unsafe.Slice((*dataset.Request)(unsafe.Pointer(&mem[controlSize])), n),
	}, nil
}

// availableMemory is what the kernel says can be had without swapping, in bytes;
// 1 GiB where it does not say.
func availableMemory() int {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 1 << 30
	}
	for line := range strings.Lines(string(text)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 1 << 30
}

func (r *record) close() {
	unix.Munmap(r.mem)
	r.file.Close()
}
