// SPDX-License-Identifier: Apache-2.0

// Package mailbox carries a guest's results to its host: a piece of memory that
// both see (QEMU's ivshmem device), with a header and then a tar archive.
//
// Memory, not a disk or a network, because a store is done at once and in the
// guest's own time: nothing that the host does can shift the guest's clock.
package mailbox

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// HeaderLen is the length of the header in bytes; the archive follows it.
const HeaderLen = 32

// State tells how far the guest came.
type State uint32

// The states of a mailbox, in the order in which they are reached.
const (
	Empty   State = iota // the guest has not written
	Started              // the command was started
	Done                 // the command ended and the archive is whole
	Failed               // the guest could not do its work; the archive is its message
)

const magic = 0x786f62786f6d7476 // "vtmoxbox", little endian

// A Header is what stands before the archive.
type Header struct {
	State     State
	ExitCode  int32  // of the command, as a shell counts it: 128+n after signal n
	Len       uint64 // of the archive in bytes
	VirtualNs uint64 // guest's CLOCK_MONOTONIC when the command ended, in ns since boot
}

// Marshal writes h into the first HeaderLen bytes of b.
func (h Header) Marshal(b []byte) {
	_ = b[HeaderLen-1]
	binary.LittleEndian.PutUint32(b[8:], uint32(h.State))
	binary.LittleEndian.PutUint32(b[12:], uint32(h.ExitCode))
	binary.LittleEndian.PutUint64(b[16:], h.Len)
	binary.LittleEndian.PutUint64(b[24:], h.VirtualNs)
	binary.LittleEndian.PutUint64(b, magic)
}

// ErrEmpty is returned for a mailbox that the guest never touched.
var ErrEmpty = errors.New("mailbox: the guest wrote nothing: it did not reach its init program")

// Parse reads the header of the mailbox b and returns it with the archive,
// which is a part of b.
func Parse(b []byte) (Header, []byte, error) {
	if len(b) < HeaderLen || binary.LittleEndian.Uint64(b) != magic {
		return Header{}, nil, ErrEmpty
	}
	h := Header{
		State:     State(binary.LittleEndian.Uint32(b[8:])),
		ExitCode:  int32(binary.LittleEndian.Uint32(b[12:])),
		Len:       binary.LittleEndian.Uint64(b[16:]),
		VirtualNs: binary.LittleEndian.Uint64(b[24:]),
	}
	if h.State > Failed {
		return h, nil, fmt.Errorf("mailbox: state %d is unknown", h.State)
	}
	if h.Len > uint64(len(b)-HeaderLen) {
		return h, nil, fmt.Errorf("mailbox: archive of %d bytes in a mailbox of %d", h.Len, len(b))
	}
	return h, b[HeaderLen : HeaderLen+h.Len], nil
}
