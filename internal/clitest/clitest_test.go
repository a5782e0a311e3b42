// SPDX-License-Identifier: Apache-2.0

package clitest

import (
	"reflect"
	"testing"
)

func TestLines(t *testing.T) {
	got := lines("Tool does that.\ntool in prose\n\nExamples:\n  tool -a 1\n  HOME=x tool sub -b >file\n  other tool\n", "tool")
	if want := [][]string{{"tool", "-a", "1"}, {"tool", "sub", "-b"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTakesValue(t *testing.T) {
	const help = "Flags:\n  -out string\n    \twhere\n  -twice\n    \tonce more\n  -c int\n    \tconnections\n"
	const long = "Flags:\n      --listen string   address and port\n  -c, --connections int   number\n      --spin            busy-poll\n"
	for flag, want := range map[string]bool{"--listen": true, "--connections": true, "-c": true, "--spin": false, "--none": false} {
		if takesValue(long, flag) != want {
			t.Errorf("%s: %v", flag, !want)
		}
	}
	for flag, want := range map[string]bool{"-out": true, "-twice": false, "-c": true, "-none": false} {
		if takesValue(help, flag) != want {
			t.Errorf("%s: %v", flag, !want)
		}
	}
}
