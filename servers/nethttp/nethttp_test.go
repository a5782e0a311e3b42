// SPDX-License-Identifier: Apache-2.0

package nethttp

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestStatus(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"out": "../secret", "absolute": "/etc/passwd"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	h := Server(root).Handler
	for path, want := range map[string]int{
		"/file": 200, "/none": 404, "/out": 404, "/absolute": 404, "/file/x": 404,
		"/" + strings.Repeat("a", 300): 404, "/a%00": 404,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%.20s: %d, want %d", path, w.Code, want)
		}
	}
}

// failing is a file system in which nothing can be opened.
type failing struct{ err error }

func (f failing) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}

// TestErrors: only what says that there is no such file is 404.
func TestErrors(t *testing.T) {
	for err, want := range map[error]int{
		syscall.ENOENT: 404, syscall.ENOTDIR: 404, syscall.EACCES: 403,
		syscall.EMFILE: 500, syscall.ENFILE: 500, syscall.EIO: 500, syscall.ENOMEM: 500,
	} {
		w := httptest.NewRecorder()
		http.FileServerFS(inside{failing{err}}).ServeHTTP(w, httptest.NewRequest("GET", "/file", nil))
		if w.Code != want {
			t.Errorf("%v: %d, want %d", err, w.Code, want)
		}
	}
}
