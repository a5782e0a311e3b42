// SPDX-License-Identifier: Apache-2.0

// Package clitest checks, in tests, that what a program's help shows as
// examples is taken by that program.
package clitest

import (
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Cobra: every command below root that does something has a short help and an
// example, and every example parses, flags and arguments. Nothing is run.
func Cobra(t *testing.T, root func() *cobra.Command) {
	t.Helper()
	name := root().Name()
	groups(t, root)
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

// groups: a command of subcommands fails on a word that it does not know, and
// every program prints its version.
func groups(t *testing.T, root func() *cobra.Command) {
	t.Helper()
	if root().Version == "" {
		t.Errorf("%s has no --version", root().Name())
	}
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		if len(c.Commands()) > 0 {
			r := root()
			r.SetArgs(append(slices.Clone(path), "nosuchword"))
			r.SetOut(io.Discard)
			r.SetErr(io.Discard)
			if err := r.Execute(); err == nil {
				t.Errorf("%q nosuchword succeeds", c.CommandPath())
			}
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				walk(sub, append(slices.Clone(path), sub.Name()))
			}
		}
	}
	walk(root(), nil)
}

// leaves are the commands that do something and are shown: the command itself
// where it has no others.
func leaves(c *cobra.Command) (all []*cobra.Command) {
	if !c.HasSubCommands() {
		return []*cobra.Command{c}
	}
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
// run with --help behind them, which ends it when all before was right.
func Flags(t *testing.T, program, name string) {
	t.Helper()
	help, err := exec.Command(program, "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%s --help: %v\n%s", name, err, help)
	}
	shown := lines(string(help), name)
	if len(shown) == 0 {
		t.Errorf("%s --help shows no example", name)
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
		if out, err := exec.Command(program, append(words[1:n:n], "--help")...).CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", strings.Join(words, " "), err, out)
		}
	}
}

// takesValue reports whether a flag of the program's help takes a value.
func takesValue(help, flag string) bool {
	// Package flag writes "  -out string"; pflag "  -o, --out string" with two
	// spaces or more before the description of a flag without a value.
	quoted := regexp.QuoteMeta(flag)
	return regexp.MustCompile(`(?m)^ +((-\w, )?` + quoted + `|` + quoted + `, --\S+) \S`).MatchString(help)
}

// lines are those of a text that call the program, as words: without the
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
