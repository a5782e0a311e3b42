// SPDX-License-Identifier: Apache-2.0

// Command harness runs servers on a testbed, checks them, loads them and writes
// datasets.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"crossing/harness/sweep"
	"crossing/internal/root"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := rootCmd().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		if err == nil || errors.Is(err, context.Canceled) && !errors.As(err, new(*sweep.Interrupted)) {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "harness:", err)
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "harness:", err)
		os.Exit(1)
	}
}

func rootCmd() *cobra.Command {
	c := &cobra.Command{
		Use:           "harness",
		Version:       root.Version,
		Short:         "Measure what it costs to answer an HTTP request in user space, in the kernel, or with the kernel bypassed",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(doctorCmd(), vmCmd(), guestCellsCmd(), tierCmd(), loadCmd(), planCmd(), sweepCmd(), repeatCmd(), soakCmd(), agentCmd())
	c.AddCommand(hiddenCmds()...)
	return c
}

// group makes a command of subcommands. An unknown one is an error; without any
// it prints its help.
func group(c *cobra.Command, sub ...*cobra.Command) *cobra.Command {
	c.AddCommand(sub...)
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		err := fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath())
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
		}
		return fmt.Errorf("%w; see %s --help", err, c.CommandPath())
	}
	c.SuggestionsMinimumDistance = 2
	return c
}
