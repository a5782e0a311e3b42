// SPDX-License-Identifier: Apache-2.0

package load

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"

	"crossing/data/dataset"

	"github.com/prometheus/procfs"
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
		return nil, fmt.Errorf("%d rows take %d MB of the %d MB of memory that are free: lower the rate, the duration or --max-rate", rows, size>>20, have>>20)
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
		return nil, fmt.Errorf("map %d MB of rows: %w (lower the rate, the duration or --max-rate)", info.Size()>>20, err)
	}
	return &record{
		file:    f,
		mem:     mem,
		control: (*control)(unsafe.Pointer(&mem[0])),
		rows:    unsafe.Slice((*dataset.Request)(unsafe.Pointer(&mem[controlSize])), n),
	}, nil
}

// availableMemory is what can be had without swapping, in bytes: the least of what
// the machine has (MemAvailable) and what this process's cgroups leave (cgroup v2,
// memory.max less memory.current, from its own upwards); 1 GiB where neither is
// known.
func availableMemory() int {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 1 << 30
	}
	available := 1 << 30
	if info, err := fs.Meminfo(); err == nil && info.MemAvailableBytes != nil {
		available = int(*info.MemAvailableBytes)
	}
	if self, err := fs.Self(); err == nil {
		if groups, err := self.Cgroups(); err == nil {
			for _, g := range groups {
				if g.HierarchyID == 0 {
					available = min(available, cgroupMemory("/sys/fs/cgroup", g.Path, available))
				}
			}
		}
	}
	return available
}

// cgroupMemory is what the cgroup at path below the mount, and those above it,
// leave of memory: at most most.
func cgroupMemory(mount, path string, most int) int {
	number := func(dir, name string) (int, bool) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		n, parse := strconv.Atoi(strings.TrimSpace(string(b)))
		return n, err == nil && parse == nil // "max" is no number
	}
	for at := filepath.Clean("/" + path); ; at = filepath.Dir(at) {
		dir := filepath.Join(mount, at)
		limit, limited := number(dir, "memory.max")
		if used, ok := number(dir, "memory.current"); limited && ok {
			most = min(most, max(0, limit-used))
		}
		if at == "/" {
			return most
		}
	}
}

func (r *record) close() {
	unix.Munmap(r.mem)
	r.file.Close()
}
