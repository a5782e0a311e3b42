// SPDX-License-Identifier: Apache-2.0

package change

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// bed is a file that stands for the machine, and a place for a journal.
func bed(t *testing.T) (setting, journal string) {
	t.Helper()
	dir := t.TempDir()
	setting = filepath.Join(dir, "setting")
	if err := os.WriteFile(setting, []byte("old\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return setting, filepath.Join(dir, "run", "journal")
}

func open(t *testing.T, name string) *Journal {
	t.Helper()
	j, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func holds(t *testing.T, file, want string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if got := strings.TrimSpace(string(b)); err != nil || got != want {
		t.Errorf("%s holds %q, want %q (%v)", file, got, want, err)
	}
}

func TestDoAndUndo(t *testing.T) {
	setting, name := bed(t)
	j := open(t, name)
	for _, value := range []string{"new", "newer"} {
		for _, s := range Set(setting, value, "to see") {
			if err := j.Do(context.Background(), s); err != nil {
				t.Fatal(err)
			}
		}
	}
	holds(t, setting, "newer")
	if s := Set(setting, "newer", ""); s != nil {
		t.Errorf("there already, and yet %v", s)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, name) // another process's
	var told []string
	if err := j.Undo(context.Background(), func(l string) { told = append(told, l) }); err != nil {
		t.Fatal(err)
	}
	holds(t, setting, "old")
	if len(told) != 2 || !strings.HasPrefix(told[0], "echo new >") {
		t.Errorf("told %q; want the last step first", told)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty journal is still there: %v", err)
	}
}

// Whatever a step does, its undo is on disk before.
func TestNotedBefore(t *testing.T) {
	setting, name := bed(t)
	j := open(t, name)
	s := Step{Do: "cat " + name + " >" + setting, Undo: "echo old >" + setting}
	if err := j.Do(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(setting); !strings.Contains(string(b), "echo old") {
		t.Errorf("as the step ran, the journal held %q", b)
	}
}

func TestWhatFails(t *testing.T) {
	setting, name := bed(t)
	j := open(t, name)
	ctx := context.Background()
	if _, err := Open(name); !errors.Is(err, ErrBusy) {
		t.Errorf("a second process: %v, want %v", err, ErrBusy)
	}
	if err := j.Do(ctx, Step{Do: "true", Check: "test -e /nowhere"}); err == nil || !strings.Contains(err.Error(), "did not do it") {
		t.Errorf("a step that only says it did: %v", err)
	}
	if err := j.Do(ctx, Step{Do: "echo half >" + setting + "; exit 3", Undo: "echo old >" + setting}); err == nil {
		t.Error("a step that failed: no error")
	}
	stuck := Step{Do: "true", Undo: "exit 5"}
	if err := j.Do(ctx, stuck); err != nil {
		t.Fatal(err)
	}
	if err := j.Undo(ctx, func(string) {}); err == nil || !strings.Contains(err.Error(), "exit 5") {
		t.Errorf("an undo that fails: %v", err)
	}
	holds(t, setting, "old") // the rest went on
	if len(j.Steps) != 1 || j.Steps[0] != stuck {
		t.Errorf("left in the journal: %+v, want %+v", j.Steps, stuck)
	}
	j.file.Close()
	if j = open(t, name); len(j.Steps) != 1 {
		t.Errorf("left on disk: %+v", j.Steps)
	}
}

// A process that is killed between any two steps leaves a journal that puts
// everything back.
func TestKilled(t *testing.T) {
	if name := os.Getenv("CHANGE_TEST_JOURNAL"); name != "" {
		j := open(t, name)
		for _, s := range Set(os.Getenv("CHANGE_TEST_SETTING"), "new", "") {
			s.Do += "; kill -9 $PPID"
			if err := j.Do(context.Background(), s); err != nil {
				t.Fatal(err)
			}
		}
		t.Fatal("still alive")
	}
	setting, name := bed(t)
	c := exec.Command(os.Args[0], "-test.run", "^TestKilled$")
	c.Env = append(os.Environ(), "CHANGE_TEST_JOURNAL="+name, "CHANGE_TEST_SETTING="+setting)
	if out, err := c.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("%v: %s", err, out)
	}
	holds(t, setting, "new")
	if err := open(t, name).Undo(context.Background(), func(string) {}); err != nil {
		t.Fatal(err)
	}
	holds(t, setting, "old")
}
