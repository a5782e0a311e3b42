// SPDX-License-Identifier: Apache-2.0

// Package cpio writes archives in the "newc" form that the Linux kernel unpacks
// as its initial file system (Documentation/driver-api/early-userspace/buffer-format.rst).
//
// The same calls give the same bytes: owners are root, times are zero, inode
// numbers count from one. Several archives may stand one after the other in one
// initrd; the kernel unpacks them in order.
package cpio

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	typeDir  = 0o040000
	typeFile = 0o100000
	typeLink = 0o120000
)

// A Writer writes one archive. The first error stays and is returned by every
// later call.
type Writer struct {
	w       io.Writer
	written int64
	inode   uint32
	dirs    map[string]bool
	err     error
}

// NewWriter returns a Writer that writes to w.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: w, dirs: map[string]bool{"": true}}
}

// Dir adds the directory name and those above it, each once.
func (w *Writer) Dir(name string) error {
	name = clean(name)
	if w.dirs[name] {
		return w.err
	}
	w.dirs[name] = true
	w.Dir(path.Dir("/" + name))
	w.header(name, typeDir|0o755, 0)
	return w.err
}

// File adds a regular file that holds data.
func (w *Writer) File(name string, perm fs.FileMode, data []byte) error {
	return w.stream(name, perm, int64(len(data)), strings.NewReader(string(data)))
}

// Link adds a symbolic link to target.
func (w *Writer) Link(name, target string) error {
	w.Dir(path.Dir("/" + clean(name)))
	w.header(clean(name), typeLink|0o777, int64(len(target)))
	w.write([]byte(target))
	w.pad()
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
		return fmt.Errorf("cpio: %s is neither a file, a directory nor a link", p)
	})
	if err != nil {
		return w.fail(err)
	}
	return w.err
}

// Close writes the trailer. It does not close the underlying writer.
func (w *Writer) Close() error {
	w.inode = 0
	w.header("TRAILER!!!", 0, 0)
	// The next archive in the same initrd must start on a four-byte boundary;
	// 512 is what cpio(1) does.
	for w.err == nil && w.written%512 != 0 {
		w.write([]byte{0})
	}
	return w.err
}

func (w *Writer) stream(name string, perm fs.FileMode, size int64, r io.Reader) error {
	if size > 1<<32-1 {
		return w.fail(fmt.Errorf("cpio: %s: %d bytes do not fit the format's 4 GiB", name, size))
	}
	w.Dir(path.Dir("/" + clean(name)))
	w.header(clean(name), typeFile|uint32(perm.Perm()), size)
	if w.err != nil {
		return w.err
	}
	n, err := io.Copy(w.w, io.LimitReader(r, size))
	w.written += n
	if err == nil && n != size {
		err = fmt.Errorf("cpio: %s shrank from %d to %d bytes while it was read", name, size, n)
	}
	if err != nil {
		return w.fail(err)
	}
	w.pad()
	return w.err
}

func (w *Writer) header(name string, mode uint32, size int64) {
	w.inode++
	links := 1
	if mode&typeDir != 0 && mode&typeFile == 0 {
		links = 2
	}
	w.write(fmt.Appendf(nil, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		w.inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, len(name)+1, 0, name))
	w.pad()
}

func (w *Writer) pad() {
	if rest := w.written % 4; rest != 0 {
		w.write(make([]byte, 4-rest))
	}
}

func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	n, err := w.w.Write(b)
	w.written += int64(n)
	w.err = err
}

func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return w.err
}

func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }
