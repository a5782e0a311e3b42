package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

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

// TestExamples: every command says what it does and shows how, and every
// example is taken by the command that it shows.
func TestExamples(t *testing.T) {
	for _, c := range leaves(rootCmd()) {
		if c.Short == "" {
			t.Errorf("%s does not say what it does", c.CommandPath())
		}
		if c.Example == "" {
			t.Errorf("%s shows no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			words := strings.Fields(line)
			for len(words) > 0 && strings.Contains(words[0], "=") { // environment
				words = words[1:]
			}
			if len(words) == 0 || words[0] != "harness" {
				continue
			}
			if at := strings.IndexAny(line, ">|"); at >= 0 {
				words = strings.Fields(line[:at])
			}
			found, rest, err := rootCmd().Find(words[1:])
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
