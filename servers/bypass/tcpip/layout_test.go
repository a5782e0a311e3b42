// SPDX-License-Identifier: Apache-2.0

package tcpip

import (
	"testing"
	"unsafe"
)

// TestLayout holds a connection to the cache lines that its comment promises.
func TestLayout(t *testing.T) {
	var c Conn
	const line = 64
	if end := unsafe.Offsetof(c.sndQueue) + unsafe.Sizeof(c.sndQueue[0]); end > hotCacheLines*line {
		t.Errorf("what a request touches takes %d bytes, more than %d cache lines", end, hotCacheLines)
	}
	if n := unsafe.Sizeof(c); n%line != 0 || n/line%2 == 0 {
		t.Errorf("a connection takes %d bytes: no odd number of cache lines", n)
	}
	conns = make([]Conn, slabSize)
	if uintptr(unsafe.Pointer(&conns[0]))%line != 0 {
		t.Error("a slab does not start at a cache line")
	}
}

var conns []Conn // on the heap, as a stack's are
