// SPDX-License-Identifier: Apache-2.0

// Package nethttp is the site on Go's net/http, as its users write it: files
// served by http.FileServer from a root that no path and no symbolic link
// leaves. Every tier whose HTTP is net/http's runs this one.
package nethttp

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"time"
)

// The contract's limits.
const (
	maxTargetBytes = 8 << 10
	maxHeaderBytes = 12 << 10 // net/http adds 4 KiB of slack of its own
)

// Server is a server of the site below root; it has no listener yet.
func Server(root *os.Root) *http.Server {
	return &http.Server{
		Handler:           handler(root),
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: time.Minute,
		IdleTimeout:       5 * time.Minute,
	}
}

func handler(root *os.Root) http.Handler {
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
