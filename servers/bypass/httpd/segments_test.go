// SPDX-License-Identifier: Apache-2.0

package httpd

import (
	"encoding/binary"
	"testing"

	"crossing/servers/checksum"
)

// FuzzSegments throws segments of any kind at a stack with some connections:
// no panic, no state that must not be, and every connection ends in the end.
// Each 12 bytes of input make one segment whose numbers are near those that
// the connection expects, since others are thrown away at once.
func FuzzSegments(f *testing.F) {
	f.Add([]byte("\x10\x00\x00\x00\x00\xff\xff\x28\x00\x00\x01\x00"))
	f.Add([]byte("\x11\x00\x05\x00\x00\x00\x00\x40\x00\x20\x01\x00\x18\x00\x00\x00\x00\xff\xff\x80\x03\x00\x01\x00"))
	tree := site(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 12*64 {
			return
		}
		s, _, link, peers := setup(t, tree, 3)
		now := int64(1e9)
		buf := make([]byte, 2048)
		for ; len(in) >= 12; in = in[12:] {
			p := peers[int(in[10])%3]
			b := buf[:66+int(in[7])]
			copy(b, p.frame[:66])
			copy(b[66:], request)
			binary.BigEndian.PutUint16(b[16:], uint16(len(b)-14))
			binary.BigEndian.PutUint32(b[38:], p.seq+uint32(int32(int8(in[1]))*int32(in[2])))
			binary.BigEndian.PutUint32(b[42:], p.ack+uint32(int32(int8(in[3]))*int32(in[4])))
			b[47] = in[0]
			binary.BigEndian.PutUint16(b[48:], uint16(in[5])<<8|uint16(in[6]))
			binary.BigEndian.PutUint32(b[58:], uint32(in[8]))
			if in[9]&1 != 0 { // options of any kind
				copy(b[54:66], in[:12])
			}
			if in[9]&2 != 0 {
				b[46] = in[8]
			}
			b[24], b[25], b[50], b[51] = 0, 0, 0, 0
			checksum.Put(b[24:], checksum.Sum(b[14:34], 0))
			checksum.Put(b[50:], checksum.Sum(b[26:], checksum.Word(6)+checksum.Word(uint16(len(b)-34))))
			now += int64(in[11]) * int64(in[11]) * 1e5 // up to 6.5 s
			s.Advance(now)
			s.Input(b)
			s.Flush()
			if err := s.Verify(); err != nil {
				t.Fatal(err)
			}
			// Follow what the stack acknowledges and sends, as a peer would.
			if o := link.room[:link.last]; len(o) >= 54 && o[47]&2 == 0 {
				for _, p := range peers {
					if binary.BigEndian.Uint16(o[36:]) == binary.BigEndian.Uint16(p.frame[34:]) {
						p.seq = binary.BigEndian.Uint32(o[42:])
						p.ack = binary.BigEndian.Uint32(o[38:]) + uint32(len(o)-66)
					}
				}
			}
		}
		for range 40 {
			now += 10e9
			s.Advance(now)
			s.Flush()
		}
		if err := s.Verify(); err != nil {
			t.Fatal(err)
		}
		if s.Conns() != 0 {
			t.Fatalf("%d connections stay for ever", s.Conns())
		}
	})
}
