// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"crossing/harness/testbed"
)

// TestLoadAims checks which targets are taken, and that no others are.
func TestLoadAims(t *testing.T) {
	for _, test := range []struct {
		url    string
		remote bool
		want   string // address and path; empty: refused
		why    string // part of the refusal
	}{
		{url: "http://127.0.0.1:8080/100", want: "127.0.0.1:8080 /100"},
		{url: "http://127.0.0.1", want: "127.0.0.1:80 /"},
		{url: "http://[::1]:81/a?b=c", want: "[::1]:81 /a?b=c"},
		{url: "http://127.0.0.2:8080/name%20with%20space", want: "127.0.0.2:8080 /name%20with%20space"},
		{url: "http://10.78.0.1:8080/", why: "--allow-remote"}, // whoever has that address in this network
		{url: "http://me:secret@127.0.0.1/", why: "--header"},
		{url: "http://192.0.2.1/", why: "--allow-remote"},
		{url: "http://192.0.2.1/", remote: true, want: "192.0.2.1:80 /"},
		{url: "http://10.79.0.1/", why: "--allow-remote"},
		{url: "http://0.0.0.0/", why: "--allow-remote"},
		{url: "https://127.0.0.1/", why: "only http"},
		{url: "127.0.0.1:8080", why: "want a URL"},
		{url: "http://", why: "want a URL"},
		{url: "http://127.0.0.1:0/", why: "port"},
		{url: "http://127.0.0.1:70000/", why: "port"},
		{url: "http://%zz/", why: "want a URL"},
	} {
		o := &loadOptions{url: test.url, allowRemote: test.remote}
		err := o.aim(t.Context())
		switch {
		case test.want != "" && (err != nil || o.Target.String()+" "+o.Path != test.want):
			t.Errorf("%s: %v %s, %v; want %s", test.url, o.Target, o.Path, err, test.want)
		case test.want == "" && (err == nil || !strings.Contains(err.Error(), test.why)):
			t.Errorf("%s: %v; want %q in it", test.url, err, test.why)
		}
	}
}

// TestLoadTrustsTestbeds: the testbeds' addresses are ours on the testbeds' own
// links alone.
func TestLoadTrustsTestbeds(t *testing.T) {
	bed, err := testbed.Netns()
	if errors.Is(err, testbed.ErrPrivilege) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer bed.Close()
	for addr, want := range map[string]bool{"10.78.0.1": true, "10.78.0.2": true, "10.78.1.1": false, "192.0.2.1": false, "0.0.0.0": false} {
		if err := bed.Client.Do(func() error {
			if got := ours(netip.MustParseAddr(addr), false); got != want {
				t.Errorf("%s on the client's end: %v, want %v", addr, got, want)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if ours(netip.MustParseAddr("10.78.0.1"), false) {
		t.Error("10.78.0.1 is trusted where no testbed is")
	}
}

// TestLoadRefuses: bad flags are one clear error that names them, in one order.
func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-c -1 -d -1s --warmup -1s", "--connections must be 1 to 50000; --duration must be positive; --warmup must not be negative"},
		{"-c 0", "--connections"},
		{"--length -2", "--length must not be less than -1"},
		{"--cpus -1", "--cpus must not be negative"},
		{"--rate 0", "--rate 0: must be above 0"},
		{"--arrivals fixed", "--arrivals is for open loops"},
		{"--max-runs 3", "--max-runs is for --until"},
		{"--rate 10 --arrivals often", "--arrivals \"often\""},
		{"--mode never", "--mode"},
		{"-H Host:a -H host:b", "--header must be"},
		{"--out /proc/x", "/proc/x"},
	} {
		for range 3 {
			cmd := rootCmd()
			cmd.SetArgs(append(append([]string{"load", "--concurrent"}, strings.Fields(c.args)...), "http://127.0.0.1:9/"))
			cmd.SetOut(io.Discard)
			cmd.SetErr(io.Discard)
			if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.args, err, c.want)
			}
		}
	}
}

func TestLabel(t *testing.T) {
	for in, want := range map[string]string{"10.78.0.1:80": "10.78.0.1-80", "/a b/c": "a-b-c", "/": "index", "/100": "100", "[::1]:80": "1-80"} {
		if got := label(in); got != want {
			t.Errorf("label(%q) = %q, want %q", in, got, want)
		}
	}
}
