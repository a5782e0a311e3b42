// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"crossing/data/dataset"
	"crossing/internal/root"
)

func repeatCmd() *cobra.Command {
	var only string
	c := &cobra.Command{
		Use:   "repeat FOLDER",
		Short: "Run cells of a dataset in virtual time again and compare every byte",
		Long: `Repeat takes a dataset that was collected in virtual time, brings back the version of
this project that collected it (a git worktree, built in .cache/repeat), runs the
chosen cells again by the dataset's own design, and compares rows and requests byte
by byte. Where the machine's emulator or the guest's packages are others than the
dataset's, it says which: then the bytes cannot be the same.`,
		Example: "  harness repeat --only '^b00-khttpd-' data/vm-mystery/v1.0.0",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			home, err := root.Find()
			if err != nil {
				return err
			}
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			return repeat(cmd.Context(), cmd.OutOrStdout(), home, dir, only)
		},
	}
	c.Flags().StringVar(&only, "only", "", "run only the cells whose names match this regular expression")
	return c
}

// errOtherGuest says that a repetition cannot give the same bytes, and why.
var errOtherGuest = errors.New("this machine's guest is not the dataset's")

// errShallow says that this clone has no history to bring a version back from.
var errShallow = errors.New("this clone is shallow")

func repeat(ctx context.Context, out io.Writer, home, dir, only string) error {
	d, err := dataset.Open(dir)
	if err != nil {
		return err
	}
	if len(d.Runs()) == 0 || d.Runs()[0].Clock != "virtual" {
		return fmt.Errorf("%s was not collected in virtual time: only its statistics can be repeated, by collecting again", d.Meta.ID())
	}
	tree, err := versionTree(ctx, out, home, d.Runs()[0].Version)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "repeat-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	again := filepath.Join(scratch, "again")
	args := []string{"sweep", "--out", again, filepath.Join(dir, "design.json")}
	if only != "" {
		args = append(args, "--only", only)
	}
	if err := in(ctx, out, tree, filepath.Join(tree, "bin", "harness"), args...); err != nil {
		return fmt.Errorf("running the cells again: %w", err)
	}
	b, err := dataset.Open(again)
	if err != nil {
		return err
	}
	n, differences := dataset.Compare(d, b)
	for _, diff := range differences {
		fmt.Fprintln(out, diff)
	}
	switch {
	case n == 0:
		return errors.New("the repetition has no run in common with the dataset")
	case len(differences) > 0:
		if other := otherGuest(d.Runs()[0], b.Runs()[0]); other != nil {
			return other
		}
		return fmt.Errorf("%d differences in %d runs, though version, emulator and image are the same", len(differences), n)
	}
	fmt.Fprintf(out, "%d runs of %s repeated: every byte the same\n", n, d.Meta.ID())
	return nil
}

// otherGuest says what of the guest is not as the dataset had it.
func otherGuest(then, now dataset.Run) error {
	for _, c := range []struct{ what, then, now string }{
		{"emulator", then.Emulator, now.Emulator},
		{"kernel", then.Kernel, now.Kernel},
		{"image (Debian's packages have newer versions)", then.Image, now.Image},
	} {
		if c.then != c.now {
			return fmt.Errorf("%w: its %s is %s, the dataset's was %s", errOtherGuest, c.what, c.now, c.then)
		}
	}
	return nil
}

// versionTree returns a built source tree of the version that collected a
// dataset: home itself where it is that version.
func versionTree(ctx context.Context, out io.Writer, home, version string) (string, error) {
	if projectVersion(home) == version {
		return home, nil
	}
	tree := filepath.Join(home, ".cache", "repeat", version)
	if _, err := os.Stat(tree); errors.Is(err, os.ErrNotExist) {
		if err := in(ctx, out, home, "git", "worktree", "prune"); err != nil {
			return "", err
		}
		if err := in(ctx, out, home, "git", "worktree", "add", "--detach", tree, version); err != nil {
			if _, missing := os.Stat(filepath.Join(home, ".git", "shallow")); missing == nil {
				return "", fmt.Errorf("%w and lacks version %s: git fetch --unshallow", errShallow, version)
			}
			return "", fmt.Errorf("bringing back version %s: %w", version, err)
		}
		// The guest's image and kernel are the same: not built twice.
		if err := os.Symlink(filepath.Join(home, ".cache"), filepath.Join(tree, ".cache")); err != nil {
			return "", err
		}
	}
	return tree, in(ctx, out, tree, "make", "build", "SETUP=no")
}

// in runs a command in a folder; what it prints is passed on.
func in(ctx context.Context, out io.Writer, dir, name string, arg ...string) error {
	cmd := exec.CommandContext(ctx, name, arg...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	// Each tree is its own home; the version is named as in the dataset.
	cmd.Env = append(os.Environ(), "CROSSING_REPO="+dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd.Run()
}
