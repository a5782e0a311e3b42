// Harness is what measures: it starts servers on a testbed, checks them, loads
// them and writes what it sees as a dataset.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := rootCmd().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "harness: interrupted")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "harness:", err)
		os.Exit(1)
	}
}

func rootCmd() *cobra.Command {
	c := &cobra.Command{
		Use:           "harness",
		Short:         "Measure what it costs to answer an HTTP request in user space, in the kernel, and past the kernel",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(doctorCmd(), vmCmd(), guestCellsCmd(), tierCmd(), loadCmd(), sweepCmd(), repeatCmd(), soakCmd(), agentCmd())
	c.AddCommand(loadWorkerCmds()...)
	return c
}
