// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"testing"
)

func TestRoundTrip(t *testing.T) {
	b := make([]byte, HeaderLen+10)
	want := Header{State: Done, ExitCode: 137, Len: 5, VirtualNs: 12345678901}
	want.Marshal(b)
	copy(b[HeaderLen:], "hello")
	got, archive, err := Parse(b)
	if err != nil || got != want || string(archive) != "hello" {
		t.Errorf("Parse = %+v, %q, %v; want %+v, hello", got, archive, err, want)
	}
}

func TestRefuses(t *testing.T) {
	with := func(h Header) []byte {
		b := make([]byte, HeaderLen+10)
		h.Marshal(b)
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":         nil,
		"untouched":       make([]byte, 4096),
		"archive too big": with(Header{State: Done, Len: 11}),
		"unknown state":   with(Header{State: 9}),
	} {
		if _, _, err := Parse(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	b := make([]byte, HeaderLen+10)
	Header{State: Done, Len: 10}.Marshal(b)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, archive, err := Parse(b)
		if err == nil && uint64(len(archive)) != h.Len {
			t.Errorf("archive has %d bytes, header says %d", len(archive), h.Len)
		}
	})
}
