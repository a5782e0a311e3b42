// SPDX-License-Identifier: Apache-2.0

package crossing

import (
	"bytes"
	"flag"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"crossing/paper/architecture"
)

var draw = flag.Bool("draw", false, "write the picture of the rooms")

// may says which rooms of the project a room may import, by the path below
// the module. Data flows one way: testbed, server, load, dataset, statistics,
// figure, paper. The first entry that fits a file's folder counts.
var may = []struct {
	room    string
	imports []string
}{
	{"internal", nil}, // and every room may import it
	{"data/dataset", []string{"data/dataset"}},
	{"data", []string{"data/dataset"}},
	{"notebooks/stats", []string{"notebooks/stats"}},
	{"notebooks", []string{"data/dataset", "notebooks/stats", "notebooks"}},
	{"servers/site", nil},
	{"servers/checksum", nil},
	{"servers/clientrow", nil},
	{"servers/conformance", []string{"servers/site"}},
	// A ready response carries its checksum, so that a stack of ours need not
	// read the body again.
	{"servers/http1", []string{"servers/site", "servers/checksum"}},
	{"servers/nethttp", nil},
	{"servers/user", []string{"servers/site", "servers/http1", "servers/nethttp", "servers/user"}},
	{"servers/kernel", []string{"servers/site", "servers/checksum", "servers/http1", "servers/nethttp", "servers/kernel"}},
	{"servers/bypass", []string{"servers/site", "servers/checksum", "servers/clientrow", "servers/http1", "servers/nethttp", "servers/bypass"}},
	// The harness starts tiers as processes and never links them.
	{"harness", []string{"data/dataset", "notebooks/stats", "servers/site", "servers/conformance", "servers/clientrow", "harness"}},
	{"paper", []string{"data/dataset", "notebooks", "paper"}},
}

func TestRoomsImportWhatTheyMay(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "bin" || d.Name() == "out") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || filepath.Dir(path) == "." {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			ours, ok := strings.CutPrefix(name, "crossing/")
			folder := filepath.ToSlash(filepath.Dir(path))
			if ok && !allowed(folder, ours) && !(strings.HasSuffix(path, "_test.go") && allowedInTests(folder, ours)) {
				t.Errorf("%s imports %s, which its room may not", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// inTests is what tests may import beyond that: a server is tested on the
// harness's testbeds, in its guest, and by the kit.
var inTests = []struct {
	room    string
	imports []string
}{
	{"servers", []string{"harness/testbed", "harness/vm", "harness/tier", "servers"}},
	{"data/crosscheck", []string{"notebooks/stats"}},
}

func allowedInTests(folder, imported string) bool {
	for _, m := range inTests {
		if within(folder, m.room) && slices.ContainsFunc(m.imports, func(i string) bool { return within(imported, i) }) {
			return true
		}
	}
	return false
}

func allowed(folder, imported string) bool {
	if within(imported, "internal") {
		return true
	}
	for _, m := range may {
		if !within(folder, m.room) {
			continue
		}
		for _, i := range m.imports {
			if within(imported, i) {
				return true
			}
		}
		return false
	}
	return false
}

func within(path, room string) bool { return path == room || strings.HasPrefix(path, room+"/") }

// TestPicture: the picture that README.md shows is that of the table.
func TestPicture(t *testing.T) {
	const file = "paper/architecture/architecture.svg"
	var rooms []architecture.Room
	for _, m := range may {
		rooms = append(rooms, architecture.Room{Folder: m.room, Imports: m.imports})
	}
	svg, err := architecture.Draw(rooms)
	if err != nil {
		t.Fatal(err)
	}
	if *draw {
		if err := os.WriteFile(file, svg, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(file); err != nil || !bytes.Equal(kept, svg) {
		t.Errorf("%s is not what the table gives: go test -run TestPicture . -draw (%v)", file, err)
	}
}
