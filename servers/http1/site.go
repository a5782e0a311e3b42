// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// A Site is a document tree held in memory. It does not change once loaded,
// so any number of servers on any threads may share it.
type Site struct {
	table []entry // open addressing; its length is a power of two
	shift uint8   // hash bits to drop
	files int
	bytes int64
}

type entry struct {
	path string
	doc  *document
}

// A document is what a path names: content, or a redirection.
type document struct {
	index    int    // in the servers' tables of responses
	kind     string // media type
	body     []byte
	location string // if not empty, the target of a redirection
}

// Load reads the tree under root.
//
// A regular file is served under its path; index.html also under its
// directory's path with a trailing slash; without one it is a redirection there.
// Symbolic links are not followed, so nothing outside root can be reached; they
// and everything else but regular files are left out. A file that cannot be read
// is an error.
func Load(root string) (*Site, error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("document root: %w", err)
	}
	defer dir.Close()
	s := &Site{}
	found := map[string]*document{}
	err = fs.WalkDir(dir.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := dir.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		body, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		doc := &document{kind: mediaType(name), body: body}
		found["/"+name] = doc
		if folder, base := path.Split("/" + name); base == "index.html" {
			found[folder] = doc
			if folder != "/" {
				found[strings.TrimSuffix(folder, "/")] = &document{location: escape(folder)}
			}
		}
		s.files++
		s.bytes += int64(len(body))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("document root: %w", err)
	}
	s.fill(found)
	return s, nil
}

// Files returns the number of files served.
func (s *Site) Files() int { return s.files }

// EachBody calls f with the content of each file that is not empty, which is
// never modified.
func (s *Site) EachBody(f func([]byte)) {
	for _, e := range s.table {
		if e.doc != nil && len(e.doc.body) > 0 {
			f(e.doc.body)
		}
	}
}

// Bytes returns the total length of the files served.
func (s *Site) Bytes() int64 { return s.bytes }

func (s *Site) fill(found map[string]*document) {
	bits := 4
	for 1<<bits < 4*len(found) {
		bits++
	}
	s.table, s.shift = make([]entry, 1<<bits), uint8(64-bits)
	index := 0
	for name, doc := range found {
		if doc.index == 0 {
			index++
			doc.index = index
		}
		i := s.slot([]byte(name))
		for s.table[i].doc != nil {
			i = (i + 1) & (len(s.table) - 1)
		}
		s.table[i] = entry{name, doc}
	}
}

// find returns the document that the decoded path names, or nil.
func (s *Site) find(name []byte) *document {
	for i := s.slot(name); ; i = (i + 1) & (len(s.table) - 1) {
		e := &s.table[i]
		if e.doc == nil || e.path == string(name) {
			return e.doc
		}
	}
}

// slot hashes by multiplication (Knuth, TAOCP 6.4). Requests never grow the
// table, so a predictable hash is harmless.
func (s *Site) slot(name []byte) int {
	h := uint64(len(name))
	for ; len(name) > 8; name = name[8:] {
		h = (h ^ binary.LittleEndian.Uint64(name)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	var last uint64
	for i, x := range name {
		last |= uint64(x) << (8 * (i & 7))
	}
	return int((h ^ last) * 0x9e3779b97f4a7c15 >> s.shift)
}

func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html", ".htm":
		return "text/html; charset=utf-8"
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	case ".css":
		return "text/css"
	case ".js":
		return "text/javascript"
	case ".json":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	}
	return "application/octet-stream"
}

// escape percent-encodes a path for the Location field.
func escape(name string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(name) {
		if x := name[i]; class[x]&target != 0 {
			b.WriteByte(x)
		} else {
			b.Write([]byte{'%', digits[x>>4], digits[x&15]})
		}
	}
	return b.String()
}
