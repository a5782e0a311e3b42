// Package clitest checks, in tests, that what a program's help shows as
// examples is taken by that program.
package clitest

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Cobra: every command below root that does something says what it does and
// shows how, and every example of it is taken, flags and arguments, by the
// command that it shows. Nothing is run.
func Cobra(t *testing.T, root func() *cobra.Command) {
	t.Helper()
	name := root().Name()
	for _, c := range leaves(root()) {
		if c.Short == "" {
			t.Errorf("%s does not say what it does", c.CommandPath())
		}
		shown := lines(c.Example, name)
		if len(shown) == 0 {
			t.Errorf("%s shows no example", c.CommandPath())
		}
		for _, words := range shown {
			line := strings.Join(words, " ")
			found, rest, err := root().Find(words[1:])
			if err != nil || !found.Runnable() {
				t.Errorf("%q, an example of %s, runs nothing (%v)", line, c.CommandPath(), err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	}
}

// leaves are the commands that do something and are shown.
func leaves(c *cobra.Command) (all []*cobra.Command) {
	for _, s := range c.Commands() {
		if s.Hidden || s.Name() == "help" || s.Name() == "completion" {
			continue
		}
		if len(s.Commands()) > 0 {
			all = append(all, leaves(s)...)
			continue
		}
		all = append(all, s)
	}
	return all
}

// Flags: the help of a program that takes its arguments by package flag shows
// examples, and the program takes the flags of each with their values. It is
// run with -help behind them, which ends it when all before was right.
func Flags(t *testing.T, program, name string) {
	t.Helper()
	help, err := exec.Command(program, "-help").CombinedOutput()
	if err != nil {
		t.Fatalf("%s -help: %v\n%s", name, err, help)
	}
	shown := lines(string(help), name)
	if len(shown) == 0 {
		t.Errorf("%s -help shows no example", name)
	}
	for _, words := range shown {
		n := 1 // up to the first argument that belongs to no flag
		for n < len(words) && strings.HasPrefix(words[n], "-") {
			if takesValue(string(help), words[n]) {
				n++
			}
			n++
		}
		n = min(n, len(words))
		if out, err := exec.Command(program, append(words[1:n:n], "-help")...).CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", strings.Join(words, " "), err, out)
		}
	}
}

// takesValue tells by a program's help whether the word behind a flag is its
// value: flags of one show its type.
func takesValue(help, flag string) bool {
	return strings.Contains(help, "\n  "+flag+" ")
}

// lines are those of a text that call the program, in words: without the
// environment before it and what is done with its output.
func lines(text, name string) (all [][]string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "  ") { // prose
			continue
		}
		if at := strings.IndexAny(line, ">|#&"); at >= 0 {
			line = line[:at]
		}
		words := strings.Fields(line)
		for len(words) > 0 && strings.Contains(words[0], "=") {
			words = words[1:]
		}
		if len(words) > 0 && words[0] == name {
			all = append(all, words)
		}
	}
	return all
}
