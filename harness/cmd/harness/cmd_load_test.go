// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
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
		{url: "http://10.78.0.1:8080/name%20with%20space", want: "10.78.0.1:8080 /name%20with%20space"},
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

func TestLabel(t *testing.T) {
	for in, want := range map[string]string{"10.78.0.1:80": "10.78.0.1-80", "/a b/c": "a-b-c", "/": "index", "/100": "100", "[::1]:80": "1-80"} {
		if got := label(in); got != want {
			t.Errorf("label(%q) = %q, want %q", in, got, want)
		}
	}
}
