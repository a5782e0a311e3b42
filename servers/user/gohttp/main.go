// SPDX-License-Identifier: Apache-2.0

// Command gohttp serves a document root with Go's net/http as its users do: one
// goroutine per connection on the runtime's network poller.
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

	"github.com/spf13/pflag"

	"crossing/servers/nethttp"
)

// usage is the help text above the flags.
const usage = `Gohttp serves a document root with Go's net/http.

Examples:
  gohttp --listen 127.0.0.1:8080 --root site

Flags:
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("gohttp: ")
	listen := pflag.String("listen", "127.0.0.1:8080", "`address:port` to listen on")
	dir := pflag.String("root", ".", "document root")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	if pflag.NArg() > 0 {
		log.Fatalf("unexpected argument %q; see --help", pflag.Arg(0))
	}
	if err := run(*listen, *dir); err != nil {
		log.Fatal(err)
	}
}

func run(listen, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("document root: %w", err)
	}
	defer root.Close()
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("%w; choose another --listen, or stop the process that listens there (ss -ltnp)", err)
	}
	server := nethttp.Server(root)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
