// Gohttp is the tier that uses Go's net/http as its users do: one goroutine
// per connection on the runtime's network poller.
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

	"crossing/servers/nethttp"
)

// usage is what -help shows before the flags.
const usage = `Gohttp serves a folder by Go's net/http.

Examples:
  gohttp -listen 127.0.0.1:8080 -root site

Flags:
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("gohttp: ")
	listen := flag.String("listen", "127.0.0.1:8080", "address and port to listen on")
	dir := flag.String("root", ".", "folder to serve")
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage); flag.PrintDefaults() }
	flag.Parse()
	if err := run(*listen, *dir); err != nil {
		log.Fatal(err)
	}
}

func run(listen, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("the folder to serve: %w", err)
	}
	defer root.Close()
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("%w; choose another -listen, or end what listens there (ss -ltnp)", err)
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
