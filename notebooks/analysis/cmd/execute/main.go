// SPDX-License-Identifier: Apache-2.0

// Command execute runs the notebooks headless on one dataset, checks that every
// output has arrived, and prints the sentences that they computed.
//
// A cell that fails, or runs longer than the limit, ends it with an error that
// names the notebook and the cell. With --twice the executed notebooks are
// executed a second time, in place, and a byte that this changes is an error.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crossing/internal/root"
)

// python is Debian's: another python3 on PATH may lack nbconvert.
const python = "/usr/bin/python3"

func main() {
	if err := rootCmd().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "execute:", err)
		os.Exit(1)
	}
}

func rootCmd() *cobra.Command {
	var dataset, out string
	var limit time.Duration
	var twice, register bool
	c := &cobra.Command{
		Use:   "execute [NOTEBOOK…]",
		Short: "Run the named notebooks, or all, headless on one dataset and print the sentences that they computed",
		Example: `  execute --dataset out/kick/v0.0.0 --out out/notebooks
  execute --twice notebooks/1-the-papers-figures.ipynb
  execute --register`,
		Args: func(_ *cobra.Command, notebooks []string) error {
			for _, n := range notebooks {
				if filepath.Ext(n) != ".ipynb" {
					return fmt.Errorf("%s is not a notebook (.ipynb)", n)
				}
			}
			return nil
		},
		Version:       root.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, notebooks []string) error {
			if limit < time.Second {
				return fmt.Errorf("--limit must be at least 1s, not %v", limit)
			}
			project, err := sources()
			if err != nil {
				return err
			}
			start := time.Now()
			path, err := registerKernel(project)
			if err != nil {
				return err
			}
			if register {
				fmt.Fprintln(cmd.OutOrStdout(), path)
				return nil
			}
			fmt.Fprintf(os.Stderr, "Kernel and packages built in %.1f s.\n", time.Since(start).Seconds())
			return run(project, path, dataset, out, limit, twice, notebooks)
		},
	}
	f := c.Flags()
	f.StringVar(&dataset, "dataset", "", "folder of the dataset (default: the newest release)")
	f.StringVar(&out, "out", filepath.Join("out", "notebooks"), "folder for the executed notebooks; figures go to its folder figures")
	f.DurationVar(&limit, "limit", 2*time.Minute, "time limit for a cell")
	f.BoolVar(&twice, "twice", false, "execute the results a second time and require the same bytes")
	f.BoolVar(&register, "register", false, "only register the kernel and print JUPYTER_PATH")
	return c
}

// errNoSources reports that there is nothing to build the kernel from.
var errNoSources = errors.New("not the root of the project's sources (its go.mod is missing): nothing was built")

// sources returns the root of the project's sources. The kernel is built into
// it, so a folder that merely has the tiers' files, as a guest does, is refused.
func sources() (string, error) {
	project, err := root.Find()
	if err != nil {
		return "", err
	}
	if !root.Is(project) {
		return "", fmt.Errorf("%s: %w", project, errNoSources)
	}
	return project, nil
}

// run executes the notebooks, all of them where none is named, with the kernel
// that is registered at path.
func run(repo, path, dataset, out string, limit time.Duration, twice bool, notebooks []string) error {
	var err error
	if len(notebooks) == 0 {
		if notebooks, err = filepath.Glob(filepath.Join(repo, "notebooks", "*.ipynb")); err != nil {
			return err
		}
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	env := append(os.Environ(), "JUPYTER_PATH="+path, "CROSSING_FIGURES="+filepath.Join(out, "figures"),
		// Nothing is written to the user's home.
		"JUPYTER_DATA_DIR="+filepath.Join(path, "data"), "JUPYTER_CONFIG_DIR="+filepath.Join(path, "config"),
		"JUPYTER_RUNTIME_DIR="+filepath.Join(path, "runtime"), "IPYTHONDIR="+filepath.Join(path, "ipython"))
	if dataset != "" {
		if dataset, err = filepath.Abs(dataset); err != nil {
			return err
		}
		if _, err := os.Stat(dataset); err != nil {
			return fmt.Errorf("--dataset: %w", err)
		}
		env = append(env, "CROSSING_DATASET="+dataset)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var answers []string
	began := time.Now()
	for i, name := range notebooks {
		start := time.Now()
		fmt.Fprintf(os.Stderr, "[%d/%d] %s … ", i+1, len(notebooks), filepath.Base(name))
		n, busy, err := execute(name, out, limit, env)
		if err == nil && twice {
			err = again(filepath.Join(out, filepath.Base(name)), limit, env)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr)
			return fmt.Errorf("%s: %w", name, err)
		}
		left := time.Since(began) / time.Duration(i+1) * time.Duration(len(notebooks)-i-1)
		fmt.Fprintf(os.Stderr, "%.1f s (%.1f s of CPU), about %.0f s left\n", time.Since(start).Seconds(), busy.Seconds(), left.Seconds())
		answers = append(answers, n.answers()...)
	}
	for _, a := range answers {
		fmt.Println("·", a)
	}
	return nil
}

// execute runs one notebook and puts the result into the folder out. An output
// that was lost on its way is no fault of the notebook, so it is run once more.
// busy is the CPU time of the last try, compiling included.
func execute(name, out string, limit time.Duration, env []string) (n *notebook, busy time.Duration, err error) {
	result := filepath.Join(out, filepath.Base(name))
	for try := 0; ; try++ {
		arg := []string{"-m", "nbconvert", "--to", "notebook", "--execute", "--ExecutePreprocessor.record_timing=False",
			fmt.Sprintf("--ExecutePreprocessor.timeout=%d", max(1, int(limit.Seconds())))}
		if result == name { // nbconvert would choose another name
			arg = append(arg, "--inplace", name)
		} else {
			arg = append(arg, "--output-dir", out, name)
		}
		cmd := exec.Command(python, arg...)
		cmd.Env = env
		var messages bytes.Buffer
		cmd.Stdout, cmd.Stderr = &messages, &messages
		if err := cmd.Run(); err != nil {
			source, readErr := readNotebook(name)
			if readErr != nil {
				return nil, 0, readErr
			}
			return nil, 0, fmt.Errorf("%s: %w\n%s", source.blame(messages.String(), limit), err, tail(messages.String()))
		}
		busy = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		n, err := readNotebook(result)
		if err != nil {
			return nil, busy, err
		}
		if err := n.check(); err == nil || try > 0 {
			return n, busy, err
		}
	}
}

// again executes a result where it lies, and compares.
func again(name string, limit time.Duration, env []string) error {
	first, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if _, _, err := execute(name, filepath.Dir(name), limit, env); err != nil {
		return fmt.Errorf("the second time: %w", err)
	}
	second, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if at := differ(first, second); at >= 0 {
		return fmt.Errorf("a second execution changed the result at byte %d: %q became %q", at, around(first, at), around(second, at))
	}
	return nil
}

// differ is where two texts first differ; -1: nowhere.
func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

func around(b []byte, at int) []byte { return b[max(0, at-40):min(len(b), at+40)] }

// tail is the end of what nbconvert printed: the cell and its error.
func tail(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}
