// Gohttp is the tier that uses Go's net/http as its users do: one goroutine
// per connection on the runtime's network poller, files served by
// http.FileServer from a root that no path and no symbolic link leaves.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The contract's limits.
const (
	maxTargetBytes = 8 << 10
	maxHeaderBytes = 12 << 10 // net/http adds 4 KiB of slack of its own
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gohttp: ")
	listen := flag.String("listen", "127.0.0.1:8080", "address and port to listen on")
	dir := flag.String("root", ".", "folder to serve")
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
	server := &http.Server{
		Handler:           Handler(root),
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: time.Minute,
		IdleTimeout:       5 * time.Minute,
		ErrorLog:          log.Default(),
	}
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

// Handler serves the site from root.
func Handler(root *os.Root) http.Handler {
	files := http.FileServerFS(inside{root.FS()})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case len(r.RequestURI) > maxTargetBytes:
			http.Error(w, "target too long", http.StatusRequestURITooLong)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		default:
			files.ServeHTTP(w, r)
		}
	})
}

// inside is a file system in which a path that leads out of the root is one
// that does not exist: net/http would answer it with 500.
type inside struct{ fs.FS }

func (f inside) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return file, err
}
