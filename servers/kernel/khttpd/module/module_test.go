// SPDX-License-Identifier: Apache-2.0

package module

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseOptions(t *testing.T) {
	got, err := ParseOptions([]string{"root=/srv/a b", "mode=event", "addr="})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Options{"root": "/srv/a b", "mode": "event", "addr": ""}, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range [][]string{{"mode"}, {"=x"}, {"a=1", "a=2"}} {
		if _, err := ParseOptions(bad); err == nil {
			t.Errorf("ParseOptions(%q): no error", bad)
		}
	}
}

func TestLine(t *testing.T) {
	got, err := Options{"root": "/srv/a b", "mode": "event"}.line()
	if want := `mode="event" root="/srv/a b"`; err != nil || got != want {
		t.Errorf("line = %s, %v; want %s", got, err, want)
	}
	for _, bad := range []string{`a"b`, "a\nb", "a\x00b"} {
		if _, err := (Options{"root": bad}).line(); err == nil {
			t.Errorf("value %q: no error", bad)
		}
	}
}

func TestParameters(t *testing.T) {
	info := "license=GPL\x00parm=port:TCP port (80)\x00parmtype=port:ushort\x00parm=mode:event: or not\x00"
	want := map[string]string{"port": "TCP port (80)", "mode": "event: or not"}
	if diff := cmp.Diff(want, parameters([]byte(info))); diff != "" {
		t.Error(diff)
	}
}

func TestCounters(t *testing.T) {
	got, err := parseCounters([]byte("requests 7\naccepted 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Counters{"requests": 7, "accepted": 2}, got); diff != "" {
		t.Error(diff)
	}
	if want := "accepted 2\nrequests 7\n"; got.String() != want {
		t.Errorf("String = %q, want %q", got.String(), want)
	}
	for _, bad := range []string{"requests", "requests x", "requests -1"} {
		if _, err := parseCounters([]byte(bad)); err == nil {
			t.Errorf("parseCounters(%q): no error", bad)
		}
	}
}

func FuzzCounters(f *testing.F) {
	f.Add([]byte("requests 7\n"))
	f.Fuzz(func(t *testing.T, b []byte) { parseCounters(b) })
}
