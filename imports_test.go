package crossing

import (
	"bytes"
	"flag"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"crossing/paper/architecture"
)

var draw = flag.Bool("draw", false, "draw the picture of the rooms anew")

// may says which rooms of the project a room may import, by the path below
// the module. Data flows one way: testbed, server, load, dataset, statistics,
// figure, paper. The first entry that fits a file's folder counts.
var may = []struct {
	room    string
	imports []string
}{
	{"data", []string{"data"}},
	{"servers/site", nil},
	{"servers/conformance", []string{"servers/site"}},
	// A ready response carries its checksum, so that a stack of ours need not
	// read the body again.
	{"servers/http1", []string{"servers/site", "servers/bypass/checksum"}},
	{"servers/nethttp", nil},
	{"servers/user", []string{"servers/site", "servers/http1", "servers/nethttp", "servers/user"}},
	{"servers/kernel", []string{"servers/site", "servers/http1", "servers/nethttp", "servers/kernel"}},
	{"servers/bypass", []string{"servers/site", "servers/http1", "servers/nethttp", "servers/bypass"}},
	// The harness starts tiers as processes and never links them.
	{"harness", []string{"data", "servers/site", "servers/conformance", "harness"}},
	{"notebooks", []string{"data", "notebooks"}},
	{"paper", []string{"data", "notebooks", "paper"}},
}

func TestRoomsImportWhatTheyMay(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "bin" || d.Name() == "out") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Dir(path) == "." {
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
			if ok && !allowed(filepath.ToSlash(filepath.Dir(path)), ours) {
				t.Errorf("%s imports %s, which its room may not", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func allowed(folder, imported string) bool {
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
