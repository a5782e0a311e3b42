// SPDX-License-Identifier: Apache-2.0

package root

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	project := t.TempDir()
	deep := filepath.Join(project, "servers", "deep")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(project, "go.mod"), []byte("module crossing\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// Another module between the working directory and the root, as
	// data/crosscheck is one.
	other := filepath.Join(deep, "other")
	if err := os.MkdirAll(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "go.mod"), []byte("module crossing/other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	guest := t.TempDir() // has the tiers' files, but no go.mod
	if err := os.Mkdir(filepath.Join(guest, "servers"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, env, wd, want string
	}{
		{"from the root", "", project, project},
		{"upwards", "", deep, project},
		{"past another module", "", other, project},
		{"the environment first", guest, project, guest},
		{"a file system without the project", "", t.TempDir(), ""},
		{"an environment that names nothing", "/nonexistent", project, ""},
		{"an environment that names a file", filepath.Join(project, "go.mod"), project, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(Env, c.env)
			t.Chdir(c.wd)
			got, err := Find()
			if want, _ := filepath.EvalSymlinks(c.want); got != c.want && got != want {
				t.Errorf("Find() = %q, %v; want %q", got, err, c.want)
			}
			if (err == nil) != (c.want != "") {
				t.Errorf("error %v", err)
			}
			if c.env == "" && c.want == "" && !errors.Is(err, ErrNotFound) {
				t.Errorf("%v is not ErrNotFound", err)
			}
		})
	}
}
