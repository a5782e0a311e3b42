// SPDX-License-Identifier: Apache-2.0

package tcpip

import "encoding/binary"

// A table finds connections by their peer's address and port: open addressing
// with linear probing, so that a look-up touches one cache line of the table.
type table struct {
	slots  []slot
	shift  uint8
	size   int
	secret uint64 // or a peer could choose ports with the same home
}

type slot struct {
	key uint64
	c   *Conn // nil: empty
}

func (t *table) init(secret [16]byte) {
	t.secret = binary.LittleEndian.Uint64(secret[:]) | 1
	t.resize(10)
}

func (t *table) resize(bits int) {
	old := t.slots
	t.slots, t.shift = make([]slot, 1<<bits), uint8(64-bits)
	t.size = 0
	for _, e := range old {
		if e.c != nil {
			t.put(e.key, e.c)
		}
	}
}

// key returns the source address and port of a frame.
func key(f []byte) uint64 { return uint64(le32(f[ipSrc:]))<<16 | uint64(le16(f[tcpSrc:])) }

// home returns where the search for a key starts.
func (t *table) home(key uint64) uint64 {
	h := (key ^ t.secret) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32) * t.secret
	return h >> t.shift
}

func (t *table) get(key uint64) *Conn {
	mask := uint64(len(t.slots) - 1)
	for i := t.home(key); ; i++ {
		e := &t.slots[i&mask]
		if e.c == nil || e.key == key {
			return e.c
		}
	}
}

// put adds a connection whose key is not in the table.
func (t *table) put(key uint64, c *Conn) {
	if 2*(t.size+1) > len(t.slots) {
		t.resize(64 - int(t.shift) + 1)
	}
	mask := uint64(len(t.slots) - 1)
	i := t.home(key)
	for t.slots[i&mask].c != nil {
		i++
	}
	t.slots[i&mask] = slot{key, c}
	t.size++
}

// remove deletes a connection and closes the gap, so that no tombstones
// accumulate (Knuth, TAOCP 6.4, algorithm R).
func (t *table) remove(key uint64) {
	mask := uint64(len(t.slots) - 1)
	i := t.home(key) & mask
	for t.slots[i].key != key || t.slots[i].c == nil {
		if t.slots[i].c == nil {
			return
		}
		i = (i + 1) & mask
	}
	t.size--
	for j := i; ; {
		t.slots[i] = slot{}
		for {
			j = (j + 1) & mask
			if t.slots[j].c == nil {
				return
			}
			home := t.home(t.slots[j].key)
			// Leave it where it is if its home lies cyclically in (i, j].
			if (j-home)&mask < (j-i)&mask {
				continue
			}
			break
		}
		t.slots[i] = t.slots[j]
		i = j
	}
}
