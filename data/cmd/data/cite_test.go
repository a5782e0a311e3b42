// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"crossing/data/dataset"
)

// release makes a folder with released versions of a dataset x.
func release(t *testing.T, versions ...string) string {
	t.Helper()
	folder := t.TempDir()
	for _, v := range versions {
		dir := filepath.Join(folder, "x", "v"+v)
		w, err := dataset.Create(dir, "test")
		if err != nil {
			t.Fatal(err)
		}
		r := dataset.Run{Run: "r", Tier: "nginx", Boundary: "user", Load: "c1", File: "100", Loop: "closed", Connections: 1, Outcome: dataset.OK}
		if err := w.Add(r, nil, nil); err != nil {
			t.Fatal(err)
		}
		if err := w.Finish(dataset.Meta{Name: "x", Version: v, Title: "A title", Date: "2026-01-31"}, nil); err != nil {
			t.Fatal(err)
		}
		if err := dataset.Publish(folder, "x", v); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestCite(t *testing.T) {
	folder := release(t, "1.2.0", "1.10.0")
	for _, c := range []struct {
		args      []string
		want, err string
	}{
		{[]string{"x"}, "The crossing maintainers (2026). A title. Dataset x, version 1.10.0.\n\n@misc{crossing-x-1.10.0,\n", ""},
		{[]string{"x", "1.2.0"}, "  version = {1.2.0}\n}\n", ""},
		{[]string{"y"}, "", `no release of "y"; ` + "`data ls` lists what is there"},
		{[]string{"x", "3.0.0"}, "", "no release of x v3.0.0; released are 1.2.0, 1.10.0"},
	} {
		cmd := rootCmd()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetArgs(append([]string{"--folder", folder, "cite"}, c.args...))
		err := cmd.Execute()
		switch {
		case c.err == "" && err != nil:
			t.Errorf("%v: %v", c.args, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%v: %v, want %q", c.args, err, c.err)
		case !strings.Contains(out.String(), c.want):
			t.Errorf("%v: %q lacks %q", c.args, out.String(), c.want)
		}
	}
}
