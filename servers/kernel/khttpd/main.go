// SPDX-License-Identifier: Apache-2.0

// Command khttpd loads the kernel module of that name, waits for SIGTERM or
// SIGINT, prints the module's counters and unloads it.
//
//	khttpd --module khttpd.ko root=/srv/www port=8080 mode=event
//
// The module serves from the kernel; this process only keeps it loaded. A module
// that a killed process left behind is unloaded first.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"

	"crossing/servers/kernel/khttpd/module"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "khttpd:", err)
		os.Exit(1)
	}
}

// usage is the help text above the flags.
const usage = `Khttpd loads the kernel module with options given as NAME=VALUE (see kmod/README.md)
and unloads it at exit. Run it in the virtual machine.

Examples:
  khttpd root=/srv/www addr=10.0.0.1 port=8080
  khttpd --console 4 root=/srv/www mode=thread log_requests=1

Flags:
`

func run() error {
	beside, err := os.Executable()
	if err != nil {
		return err
	}
	file := pflag.String("module", filepath.Join(filepath.Dir(beside), "khttpd.ko"), "`file` of the module")
	var console printkSetting
	pflag.StringVar(&console.level, "console", "", "kernel messages below this `level` (1 to 8) go to the console")
	pflag.StringVar(&console.delay, "console-delay", "", "delay of each console message in `milliseconds`, as on a slow serial line")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	options, err := module.ParseOptions(pflag.Args())
	if err != nil {
		return err
	}

	// Before anything changes, so that an early signal is not lost.
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, os.Interrupt)

	if err := module.Unload(); err != nil {
		return err
	}
	restore, err := console.apply()
	if err != nil {
		return err
	}
	defer restore()
	if err := module.Load(*file, options); err != nil {
		return err
	}
	fmt.Println("khttpd: serving")
	<-end
	counters, countersErr := module.ReadCounters()
	if err := module.Unload(); err != nil {
		return err
	}
	if countersErr != nil {
		return countersErr
	}
	fmt.Print(counters)
	return nil
}
