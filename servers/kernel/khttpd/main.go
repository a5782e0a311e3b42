// Command khttpd loads the kernel module of that name, serves until it is told
// to end by SIGTERM or SIGINT, prints the module's counters and unloads it.
//
//	khttpd -module khttpd.ko root=/srv/www port=8080 mode=event
//
// The module serves from the kernel; this process only holds it there. One that
// was left behind by an earlier process, which was killed, is taken out first.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"crossing/servers/kernel/khttpd/module"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "khttpd:", err)
		os.Exit(1)
	}
}

// usage is what -help shows before the flags.
const usage = `Khttpd loads the kernel module with the options given as NAME=VALUE (kmod/README.md tells them)
and takes it out at its end. Use it in the guest.

Examples:
  khttpd root=/srv/www addr=10.0.0.1 port=8080
  khttpd -console 4 root=/srv/www mode=thread log_requests=1

Flags:
`

func run() error {
	beside, err := os.Executable()
	if err != nil {
		return err
	}
	file := flag.String("module", filepath.Join(filepath.Dir(beside), "khttpd.ko"), "the module's file")
	var console printkSetting
	flag.StringVar(&console.level, "console", "", "level below which the kernel's messages go to the console (1 to 8)")
	flag.StringVar(&console.delay, "console-delay", "", "milliseconds that each message on the console takes, as on a slow line")
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage); flag.PrintDefaults() }
	flag.Parse()
	options, err := module.ParseOptions(flag.Args())
	if err != nil {
		return err
	}

	// Before anything is changed, so that an early signal is not lost.
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
