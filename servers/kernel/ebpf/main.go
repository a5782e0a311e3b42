// SPDX-License-Identifier: Apache-2.0

// Command ebpf serves a document root without a kernel module: BPF programs on
// the sockets respond to the most common form of request for small files, and
// net/http in user space responds to all others, over the same connections.
//
// Small files are read once, at the start.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"crossing/servers/nethttp"
)

//go:generate go tool bpf2go -go-package main -target bpfel -cc clang -cflags "-O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu" -type counter sockmap sockmap.bpf.c

// usage is the help text above the flags.
const usage = `Ebpf serves a document root with BPF programs on its sockets, and with net/http what those pass. It needs root.

Examples:
  ebpf --listen 127.0.0.1:8080 --root site
  ebpf --listen 127.0.0.1:8080 --root site --counters counters.json

Flags:
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("ebpf: ")
	listen := pflag.String("listen", "127.0.0.1:8080", "IPv4 `address:port` to listen on")
	dir := pflag.String("root", ".", "document root")
	counters := pflag.String("counters", "", "`file` for the counters, written each second and at exit")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	if pflag.NArg() > 0 {
		log.Fatalf("unexpected argument %q; see --help", pflag.Arg(0))
	}
	if err := run(*listen, *dir, *counters); err != nil {
		log.Fatal(err)
	}
}

// tune changes the server's time limits in tests.
var tune = func(*http.Server) {}

func run(listen, dir, counters string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("document root: %w", err)
	}
	defer root.Close()
	ready, err := responses(root)
	if err != nil {
		return err
	}
	var report *os.File
	if counters != "" {
		if report, err = os.Create(counters); err != nil {
			return fmt.Errorf("--counters: %w", err)
		}
		defer report.Close()
	}
	group, err := newCgroup()
	if err != nil {
		return err
	}
	addr, err := net.ResolveTCPAddr("tcp4", listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	k, err := load(uint16(addr.Port), ready, group)
	if err != nil {
		return err
	}
	defer k.Close()
	// Only now: a listener belongs to the cgroup of its process at creation.
	l, err := net.ListenTCP("tcp4", addr)
	if err != nil {
		return fmt.Errorf("%w; choose another --listen, or stop the process that listens there (ss -ltnp)", err)
	}
	if err := dropPrivileges(); err != nil {
		return err
	}
	server := nethttp.Server(root)
	server.ConnState = connState
	tune(server)
	files := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.served.Add(1)
		files.ServeHTTP(w, r)
	})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-tick.C:
				k.setDate(time.Now())
				k.report(report)
			case <-ctx.Done():
				_ = server.Close()
				return
			}
		}
	}()
	err = server.Serve(&listener{l, k})
	stop()
	<-done
	k.report(report)
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
