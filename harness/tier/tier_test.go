// SPDX-License-Identifier: Apache-2.0

package tier

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+Suffix)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReadRefuses(t *testing.T) {
	const good = "name: mine\nboundary: user\ntestbeds: [netns]\nstart: [mine]\n"
	for _, c := range []struct{ name, text, want string }{
		{"unknown field", good + "colour: red\n", "colour"},
		{"boundary", strings.Replace(good, "user", "space", 1), `boundary "space"`},
		{"testbed", strings.Replace(good, "netns", "moon", 1), `testbed "moon"`},
		{"no start", strings.Replace(good, "start: [mine]", "", 1), "start: no command"},
		{"name", strings.Replace(good, "name: mine", "name: My Server", 1), `name "My Server"`},
		{"template", good + "env: {A: '{{.Nothing}}'}\n", "Nothing"},
		{"template file", good + "files: {a: missing}\n", "missing"},
		{"option", good + "env: {A: '{{.Options.nothing}}'}\n", "nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(write(t, "mine", c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "mine"+Suffix) {
				t.Errorf("got %v, want %q and the file's name in it", err, c.want)
			}
		})
	}
}

// The project's own tier files are data that a typing error can break.
func TestEveryTierOfTheProjectIsRead(t *testing.T) {
	all, err := All("../../servers")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"flask", "gunicorn", "apache", "apache-tuned", "nginx", "gohttp"} {
		if _, err := Find(all, name); err != nil {
			t.Error(err)
		}
	}
	if _, err := Find(all, "nginx2"); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "there are") {
		t.Errorf("an unknown tier: %v", err)
	}
}

func TestTwoOfOneName(t *testing.T) {
	const text = "name: mine\nboundary: user\ntestbeds: [netns]\nstart: [mine]\n"
	a, b := write(t, "a", text), write(t, "b", text)
	if _, err := All(filepath.Dir(a), filepath.Dir(b)); err == nil || !strings.Contains(err.Error(), "rename one") {
		t.Errorf("got %v", err)
	}
}

func TestWith(t *testing.T) {
	tier := &Tier{Name: "mine", Options: map[string]string{"threads": "1"}, Start: []string{"{{.Options.threads}}"}}
	changed, err := tier.With(map[string]string{"threads": "4"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := changed.Render(Vars{})
	if err != nil || r.Start[0] != "4" || tier.Options["threads"] != "1" {
		t.Errorf("rendered %v (%v), the original has %v", r, err, tier.Options)
	}
	if _, err := tier.With(map[string]string{"colour": "red"}); err == nil || !strings.Contains(err.Error(), "threads") {
		t.Errorf("an unknown option: %v", err)
	}
}

func TestMissingSaysWhatBringsIt(t *testing.T) {
	tier := &Tier{Needs: Needs{Commands: []string{"/no/such/command"}, Packages: []string{"a-package"}}}
	if got := tier.Missing(""); !strings.Contains(got, "apt-get install a-package") {
		t.Errorf("got %q", got)
	}
	tier = &Tier{Needs: Needs{Programs: []string{"nothing"}}}
	if got := tier.Missing(t.TempDir()); !strings.Contains(got, "make build") {
		t.Errorf("got %q", got)
	}
}
