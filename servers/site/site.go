// SPDX-License-Identifier: Apache-2.0

// Package site is the contract that every tier serves: which paths exist and
// what bytes they hold.
//
// Contents are pseudo-random from a fixed seed, so that a byte that is lost,
// duplicated or moved changes the hash. Nothing is kept in version control:
// Generate writes the tree, Body returns what a client must receive.
package site

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"crossing/internal/atomicfile"
)

// A File is one served file.
type File struct {
	Path   string // not percent-encoded
	Bytes  int64
	Target string // in a request line, percent-encoded where needed
}

// Files are the measured files, in order of size: from an empty response over
// one segment, and more than one, to far more than any buffer holds.
var Files = []File{
	{"/0", 0, "/0"},
	{"/100", 100, "/100"},
	{"/1K", 1 << 10, "/1K"},
	{"/16K", 16 << 10, "/16K"},
	{"/64K", 64 << 10, "/64K"},
	{"/1M", 1 << 20, "/1M"},
	{"/64M", 64 << 20, "/64M"},
}

// Extra are files that only the conformance kit requests.
var Extra = []File{
	{"/name with space", 100, "/name%20with%20space"},
	{"/dir/index.html", int64(len(index)), "/dir/index.html"},
	{"/index.html", int64(len(index)), "/index.html"},
}

const index = "<!DOCTYPE html>\n<title>index</title>\n<p>The directory index.\n"

// Secret is the content of a file outside the document root, to which the
// symbolic link /escape leads. No response may hold it.
const Secret = "outside of the document root"

// Body returns the bytes of the file at path, and whether there is such a
// file. A directory's path, with its final slash, returns its index. The
// result is shared: do not change it.
func Body(path string) ([]byte, bool) {
	if path == "/" || path == "/dir/" {
		path += "index.html"
	}
	for _, files := range [][]File{Files, Extra} {
		for _, f := range files {
			if f.Path == path {
				return body(f), true
			}
		}
	}
	return nil, false
}

var (
	mu     sync.Mutex
	bodies = map[string][]byte{}
)

func body(f File) []byte {
	if filepath.Base(f.Path) == "index.html" {
		return []byte(index)
	}
	mu.Lock()
	defer mu.Unlock()
	if b, ok := bodies[f.Path]; ok {
		return b
	}
	b := make([]byte, f.Bytes)
	var seed [32]byte
	copy(seed[:], f.Path)
	_, _ = rand.NewChaCha8(seed).Read(b) // never fails
	bodies[f.Path] = b
	return b
}

// Generate writes the document root to dir/root and the secret beside it, and
// returns the root. Files that already hold the right bytes are not written
// again. Everything is readable by all, whatever the umask, since tiers run as an
// unprivileged user.
func Generate(dir string) (root string, err error) {
	root = filepath.Join(dir, "root")
	for _, folder := range []string{dir, root, filepath.Join(root, "dir")} {
		if err := makeFolder(folder); err != nil {
			return "", fmt.Errorf("generating the site: %w", err)
		}
	}
	for _, files := range [][]File{Files, Extra} {
		for _, f := range files {
			if err := write(filepath.Join(root, f.Path), body(f)); err != nil {
				return "", fmt.Errorf("generating the site: %w", err)
			}
		}
	}
	if err := write(filepath.Join(dir, "secret"), []byte(Secret)); err != nil {
		return "", fmt.Errorf("generating the site: %w", err)
	}
	link := filepath.Join(root, "escape")
	if _, err := os.Lstat(link); err == nil {
		return root, nil
	}
	if err := os.Symlink("../secret", link); err != nil {
		return "", fmt.Errorf("generating the site: %w", err)
	}
	return root, nil
}

// makeFolder creates a folder that all may enter; one that exists is the user's.
func makeFolder(name string) error {
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	if err := os.MkdirAll(name, 0o755); err != nil {
		return err
	}
	return os.Chmod(name, 0o755)
}

// write replaces the file atomically, so that a server which has it open never
// reads a part of it.
func write(name string, b []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, b) {
		return nil
	}
	return atomicfile.Scratch(name, b)
}
