// Ebpf is the kernel tier that needs no module: requests of the commonest form
// for small files are answered by BPF programs on the sockets, everything else
// by net/http in user space, over the same connections.
//
// Files are read once, at the start.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"crossing/servers/nethttp"
)

//go:generate go tool bpf2go -go-package main -target bpfel -cc clang -cflags "-O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu" -type counter answer answer.bpf.c

// usage is what -help shows before the flags.
const usage = `Ebpf serves a folder by BPF programs on its sockets, and by net/http what those leave. It needs root.

Examples:
  ebpf -listen 127.0.0.1:8080 -root site
  ebpf -listen 127.0.0.1:8080 -root site -counters counters.json

Flags:
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("ebpf: ")
	listen := flag.String("listen", "127.0.0.1:8080", "IPv4 address and port to listen on")
	dir := flag.String("root", ".", "folder to serve")
	counters := flag.String("counters", "", "file for the counters, written each second and at the end")
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage); flag.PrintDefaults() }
	flag.Parse()
	if err := run(*listen, *dir, *counters); err != nil {
		log.Fatal(err)
	}
}

func run(listen, dir, counters string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("the folder to serve: %w", err)
	}
	defer root.Close()
	ready, err := answers(root)
	if err != nil {
		return err
	}
	group, err := newCgroup()
	if err != nil {
		return err
	}
	defer group.remove()
	addr, err := net.ResolveTCPAddr("tcp4", listen)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	k, err := load(uint16(addr.Port), ready, group)
	if err != nil {
		return err
	}
	defer k.Close()
	// Only now: a listener belongs to the cgroup that its process is in when
	// it is made.
	l, err := net.ListenTCP("tcp4", addr)
	if err != nil {
		return fmt.Errorf("%w; choose another -listen, or end what listens there (ss -ltnp)", err)
	}
	server := nethttp.Server(root)
	server.ConnState = connState
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-tick.C:
				k.setDate(time.Now())
				k.report(counters)
			case <-ctx.Done():
				_ = server.Close()
				return
			}
		}
	}()
	err = server.Serve(&listener{l, k})
	stop()
	<-done
	k.report(counters)
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
