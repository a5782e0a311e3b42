// SPDX-License-Identifier: Apache-2.0

// Package nethttp serves the site with Go's net/http, as its users do: files by
// http.FileServer, from a root that no path and no symbolic link leaves. Every
// tier that uses net/http runs it.
package nethttp

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"syscall"
	"time"
)

// The contract's limits.
const (
	maxTargetBytes = 8 << 10
	maxHeaderBytes = 12 << 10 // net/http adds 4 KiB of slack of its own
)

// Server returns a server for the site below root.
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

// inside is a file system in which a path that no file can have, or that leads
// out of the root, does not exist: net/http would respond with 500. Other errors,
// such as EMFILE and EIO, say nothing about the file.
type inside struct{ fs.FS }

func (f inside) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if errors.Is(err, fs.ErrInvalid) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) || escapes(err) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return file, err
}

// escapes reports whether err is os.Root's for a path that leads out of it, which
// package os does not export.
func escapes(err error) bool {
	var e *fs.PathError
	return errors.As(err, &e) && e.Err.Error() == "path escapes from parent"
}
