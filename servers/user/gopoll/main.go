// SPDX-License-Identifier: Apache-2.0

// Command gopoll serves a document root over HTTP/1.1 with the HTTP code of the
// bypass tiers (package http1) on the kernel's sockets: one thread and one epoll
// instance per worker, no goroutine per connection.
//
// It separates factors. Compared with net/http it shows what the HTTP code
// costs; with --spin, which polls epoll without sleeping, what busy polling
// gains; compared with the bypass tiers what the kernel's socket stack costs.
package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"crossing/servers/http1"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gopoll:", err)
		os.Exit(1)
	}
}

// usage is the help text above the flags.
const usage = `Gopoll serves a document root with the bypass tiers' HTTP code on the kernel's sockets.

Examples:
  gopoll --listen 127.0.0.1:8080 --root site
  gopoll --listen 127.0.0.1:8080 --root site --spin --workers 2

Flags:
`

func run() error {
	if err := disablePreemption(); err != nil {
		return err
	}
	addr := pflag.String("listen", "127.0.0.1:8080", "`address:port` to listen on")
	root := pflag.String("root", ".", "document root")
	spin := pflag.Bool("spin", false, "busy-poll instead of sleeping")
	workers := pflag.Int("workers", 1, "threads, each with its own listening socket (SO_REUSEPORT)")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	at, err := netip.ParseAddrPort(*addr)
	if err != nil {
		return fmt.Errorf("--listen: %w; want an address like 127.0.0.1:8080", err)
	}
	if pflag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see --help", pflag.Arg(0))
	}
	if *workers < 1 {
		return errors.New("--workers must be at least 1")
	}
	site, err := http1.Load(*root)
	if err != nil {
		return err
	}
	// The fast path allocates nothing. The little garbage there is (a header
	// per document and second) is collected only when it has accumulated, so
	// that no collection falls into a measurement.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(site.Bytes() + 256<<20)

	runtime.GOMAXPROCS(*workers + 1)
	errs := make(chan error, *workers)
	for range *workers {
		l, err := listen(at)
		if err != nil {
			return err
		}
		go func() {
			runtime.LockOSThread()
			w, err := newWorker(l, http1.NewServer(site), *spin)
			if err == nil {
				err = w.run()
			}
			errs <- err
		}()
	}
	fmt.Printf("gopoll: serving %d files on %s\n", site.Files(), at)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM, unix.SIGINT)
	select {
	case err := <-errs:
		return err
	case <-stop:
		return nil
	}
}

// disablePreemption re-executes the program with Go's preemption by signals
// off, which would interrupt a loop that never yields a hundred times a second.
func disablePreemption() error {
	const off = "asyncpreemptoff=1"
	set := os.Getenv("GODEBUG")
	if strings.Contains(set, off) {
		return nil
	}
	if err := os.Setenv("GODEBUG", strings.TrimPrefix(set+","+off, ",")); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	err = unix.Exec(self, os.Args, os.Environ())
	if errors.Is(err, unix.EACCES) {
		// The program is in a folder that this user may not enter, such as a
		// home; /proc still reaches its file.
		err = unix.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	return err
}
