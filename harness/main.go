// Harness is what measures: it starts servers on a testbed, checks them, loads
// them and writes what it sees as a dataset.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
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

// errNoRepo says that the project's folder could not be found.
var errNoRepo = errors.New("not inside the project: run this in its folder, or set CROSSING_REPO to it")

// repo is the project's folder: where the tiers, the programs and the data
// are. It is the nearest folder upwards that holds servers/ and kmod/, first
// from where the command runs, then from where the program lies.
func repo() (string, error) {
	if dir := os.Getenv("CROSSING_REPO"); dir != "" {
		return dir, nil
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	for _, start := range []string{wd, filepath.Dir(exe)} {
		for dir := start; ; dir = filepath.Dir(dir) {
			if isRepo(dir) {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", errNoRepo
}

func isRepo(dir string) bool {
	for _, name := range []string{"servers", "harness"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}
