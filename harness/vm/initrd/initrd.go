// SPDX-License-Identifier: Apache-2.0

// Package initrd writes cpio archives that the Linux kernel unpacks as its initial
// file system (Documentation/driver-api/early-userspace/buffer-format.rst).
//
// The same calls give the same bytes: owners are root, times are zero, inode
// numbers count from one. Several archives may stand one after the other in one
// initrd; the kernel unpacks them in order.
package initrd

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/cavaliergopher/cpio"
)

// A Writer writes one archive. The first error stays and is returned by every
// later call.
type Writer struct {
	out  *counter
	cpio *cpio.Writer
	dirs map[string]bool
	err  error
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// NewWriter returns a Writer that writes to w.
func NewWriter(w io.Writer) *Writer {
	out := &counter{w: w}
	return &Writer{out: out, cpio: cpio.NewWriter(out), dirs: map[string]bool{"": true}}
}

// Dir adds the directory name and those above it, each once.
func (w *Writer) Dir(name string) error {
	name = clean(name)
	if w.dirs[name] {
		return w.err
	}
	w.dirs[name] = true
	w.Dir(path.Dir("/" + name))
	w.entry(name, cpio.TypeDir|0o755, 2, 0, nil)
	return w.err
}

// File adds a regular file that holds data.
func (w *Writer) File(name string, perm fs.FileMode, data []byte) error {
	return w.stream(name, perm, int64(len(data)), strings.NewReader(string(data)))
}

// Link adds a symbolic link to target.
func (w *Writer) Link(name, target string) error {
	w.Dir(path.Dir("/" + clean(name)))
	w.entry(clean(name), cpio.TypeSymlink|0o777, 1, int64(len(target)), strings.NewReader(target))
	return w.err
}

// Copy adds the file at source on this machine. A permission of zero means the
// source's own.
func (w *Writer) Copy(name string, perm fs.FileMode, source string) error {
	f, err := os.Open(source)
	if err != nil {
		return w.fail(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return w.fail(err)
	}
	if perm == 0 {
		perm = info.Mode().Perm()
	}
	return w.stream(name, perm, info.Size(), f)
}

// Tree adds all that is below the directory source, under name. Devices,
// sockets and pipes are an error: an image has no use for them.
func (w *Writer) Tree(name, source string) error {
	w.Dir(name)
	err := filepath.WalkDir(source, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, p)
		if err != nil {
			return err
		}
		to := path.Join(name, filepath.ToSlash(rel))
		switch {
		case d.IsDir():
			return w.Dir(to)
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			return w.Link(to, target)
		case d.Type().IsRegular():
			return w.Copy(to, 0, p)
		}
		return fmt.Errorf("initrd: %s is neither a file, a directory nor a link", p)
	})
	if err != nil {
		return w.fail(err)
	}
	return w.err
}

// Close writes the trailer. It does not close the underlying writer.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if err := w.cpio.Close(); err != nil {
		return w.fail(err)
	}
	// The next archive in the same initrd must start on a four-byte boundary;
	// 512 is what cpio(1) does.
	if rest := w.out.n % 512; rest != 0 {
		if _, err := w.out.Write(make([]byte, 512-rest)); err != nil {
			return w.fail(err)
		}
	}
	return nil
}

func (w *Writer) stream(name string, perm fs.FileMode, size int64, r io.Reader) error {
	if size > 1<<32-1 {
		return w.fail(fmt.Errorf("initrd: %s: %d bytes do not fit the format's 4 GiB", name, size))
	}
	w.Dir(path.Dir("/" + clean(name)))
	w.entry(clean(name), cpio.TypeReg|cpio.FileMode(perm.Perm()), 1, size, r)
	return w.err
}

// entry writes one header and its size bytes of data.
func (w *Writer) entry(name string, mode cpio.FileMode, links int, size int64, data io.Reader) {
	if w.err != nil {
		return
	}
	if err := w.cpio.WriteHeader(&cpio.Header{Name: name, Mode: mode, Links: links, Size: size}); err != nil {
		w.fail(err)
		return
	}
	if size == 0 {
		return
	}
	n, err := io.Copy(w.cpio, io.LimitReader(data, size))
	if err == nil && n != size {
		err = fmt.Errorf("initrd: %s shrank from %d to %d bytes while it was read", name, size, n)
	}
	if err != nil {
		w.fail(err)
	}
}

func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return w.err
}

func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }
