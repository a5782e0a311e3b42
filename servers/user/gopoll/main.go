// Gopoll serves a document tree over HTTP/1.1 with the HTTP code of the bypass
// tier (package http1) on the kernel's sockets: one thread per worker, one
// epoll instance, no goroutine per connection.
//
// It exists to tell factors apart. Against net/http it shows what the HTTP
// code costs; with -spin, which asks epoll without ever sleeping, what busy
// polling gains; against the bypass tier what the kernel's socket stack costs.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"crossing/servers/http1"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gopoll:", err)
		os.Exit(1)
	}
}

// usage is what -help shows before the flags.
const usage = `Gopoll serves a folder by our HTTP code on the kernel's sockets.

Examples:
  gopoll -addr 127.0.0.1:8080 -root site
  gopoll -addr 127.0.0.1:8080 -root site -spin -workers 2

Flags:
`

func run() error {
	if err := uninterrupted(); err != nil {
		return err
	}
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
	root := flag.String("root", ".", "document root")
	spin := flag.Bool("spin", false, "poll without sleeping")
	workers := flag.Int("workers", 1, "threads, each with a listening socket of its own (SO_REUSEPORT)")
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage); flag.PrintDefaults() }
	flag.Parse()
	at, err := netip.ParseAddrPort(*addr)
	if err != nil {
		return fmt.Errorf("-addr: %w; an address is like 127.0.0.1:8080", err)
	}
	if flag.NArg() > 0 || *workers < 1 {
		return errors.New("bad arguments; see -help")
	}
	site, err := http1.Load(*root)
	if err != nil {
		return err
	}
	// The hot path allocates nothing. What little there is (a head per
	// document and second) is collected only when it has grown, so that no
	// collection falls into a measurement.
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

// uninterrupted starts the program again, in the same process, with Go's
// preemption by signals off: it would interrupt a loop that never yields a
// hundred times a second, for nothing.
func uninterrupted() error {
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
		// The program lies in a folder that is closed to this user, as homes
		// are; its own file is open to it all the same.
		err = unix.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	return err
}
