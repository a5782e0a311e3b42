// SPDX-License-Identifier: Apache-2.0

package clientrow

import (
	"encoding/hex"
	"testing"
)

// The bytes of a row, by hand.
const known = "0a00000000000000" + "1400000000000000" + "1e00000000000000" + "0000000000010000" + "0000000400000000" +
	"70110100" + "e8fd" + "9401" + "02" + "00000000000000"

var row = Row{SentNs: 10, FirstByteNs: 20, LastByteNs: 30, Offset: 1 << 40, Bytes: 64 << 20, Conn: 70000, Port: 65000, Status: 404, Failure: Closed}

func TestLayout(t *testing.T) {
	if got := hex.EncodeToString(row.Append(nil)); got != known {
		t.Errorf("got  %s\nwant %s", got, known)
	}
	b, err := hex.DecodeString(known)
	if err != nil || len(b) != Size {
		t.Fatal(len(b), err)
	}
	if got, err := Decode(b); err != nil || got != row {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for what, change := range map[string]func(*Row){
		"sent before the start":        func(r *Row) { r.SentNs = -1 },
		"answered before it was sent":  func(r *Row) { r.FirstByteNs = r.SentNs - 1 },
		"ended before it began":        func(r *Row) { r.LastByteNs = r.FirstByteNs - 1 },
		"an unknown failure":           func(r *Row) { r.Failure = failures },
		"a body of negative length":    func(r *Row) { r.Bytes = -1 },
		"a connection below the first": func(r *Row) { r.Conn = -1 },
	} {
		bad := row
		change(&bad)
		if _, err := Decode(bad.Append(nil)); err == nil {
			t.Errorf("accepted: %s", what)
		}
	}
	if _, err := Decode(row.Append(nil)[:Size-1]); err == nil {
		t.Error("accepted: a part of a row")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(row.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err == nil {
			if again, err := Decode(r.Append(nil)); err != nil || again != r {
				t.Errorf("%+v became %+v, %v", r, again, err)
			}
		}
	})
}
