// SPDX-License-Identifier: Apache-2.0

package site

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The hashes fix the contents: datasets of all years carry the same bytes.
func TestContentsNeverChange(t *testing.T) {
	for path, want := range map[string]string{
		"/0":   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", // SHA-256 of nothing, FIPS 180-4
		"/100": "ff7202ca35dc24c5b0abe20023478916ec1bb6167199e3d99c9058df5999c45a",
		"/64K": "e593f3d40e07e143387e122bda0fa13e1a923c0d05d195f5de776e81a6a7d0d4",
	} {
		b, ok := Body(path)
		if !ok {
			t.Fatalf("no body for %s", path)
		}
		sum := sha256.Sum256(b)
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s: SHA-256 %s, want %s", path, got, want)
		}
	}
}

func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	root, err := Generate(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(append([]File(nil), Files...), Extra...) {
		info, err := os.Stat(filepath.Join(root, f.Path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() != f.Bytes {
			t.Errorf("%s: %d bytes, want %d", f.Path, info.Size(), f.Bytes)
		}
	}
	name := filepath.Join(root, "100")
	before, _ := os.Stat(name)
	if err := os.WriteFile(filepath.Join(root, "1K"), []byte("spoiled"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Generate(dir); err != nil {
		t.Fatal(err)
	}
	after, _ := os.Stat(name)
	if !after.ModTime().Equal(before.ModTime()) {
		t.Error("an intact file was written again")
	}
	if b, _ := os.ReadFile(filepath.Join(root, "1K")); len(b) != 1024 {
		t.Error("a damaged file was not repaired")
	}
}

// TestReadableByAll: tiers run as another user, so the umask must not count.
func TestReadableByAll(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	dir := filepath.Join(t.TempDir(), "site")
	if _, err := Generate(dir); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Type() == fs.ModeSymlink {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o444)
		if d.IsDir() {
			want = 0o555
		}
		if info.Mode()&want != want {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnknownPath(t *testing.T) {
	if _, ok := Body("/secret"); ok {
		t.Error("a file outside of the root has a body")
	}
}
