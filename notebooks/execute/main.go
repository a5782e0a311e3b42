// Execute runs the notebooks headless on one dataset, checks that every output
// has arrived, and prints the sentences that they computed.
//
//	execute [-dataset FOLDER] [-out FOLDER] [NOTEBOOK…]
//
// With -inplace the notebooks in the repository are executed where they are; a
// second execution on the same dataset changes no byte of them. With -register
// it only makes the kernel known, for Jupyter, and prints where.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// python is Debian's: another python3 on PATH may lack nbconvert.
const python = "/usr/bin/python3"

func main() {
	log.SetFlags(0)
	log.SetPrefix("execute: ")
	dataset := flag.String("dataset", "", "folder of the dataset (the newest release by default)")
	out := flag.String("out", "out/notebooks", "folder for the executed notebooks; figures go to its folder figures")
	inplace := flag.Bool("inplace", false, "execute the notebooks where they are")
	only := flag.Bool("register", false, "only register the kernel and print JUPYTER_PATH")
	flag.Parse()
	if err := run(*dataset, *out, *inplace, *only, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(dataset, out string, inplace, only bool, notebooks []string) error {
	repo, err := os.Getwd()
	if err != nil {
		return err
	}
	path, err := register(repo)
	if err != nil {
		return err
	}
	if only {
		fmt.Println(path)
		return nil
	}
	if len(notebooks) == 0 {
		if notebooks, err = filepath.Glob("notebooks/*.ipynb"); err != nil {
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
		env = append(env, "CROSSING_DATASET="+dataset)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var answers []string
	for i, name := range notebooks {
		start := time.Now()
		fmt.Fprintf(os.Stderr, "[%d/%d] %s … ", i+1, len(notebooks), filepath.Base(name))
		n, err := execute(name, out, inplace, env)
		if err != nil {
			fmt.Fprintln(os.Stderr)
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(os.Stderr, "%.1f s\n", time.Since(start).Seconds())
		answers = append(answers, n.answers()...)
	}
	for _, a := range answers {
		fmt.Println("·", a)
	}
	return nil
}

// execute runs one notebook. An output that was lost on its way is no fault of
// the notebook, so it is run once more.
func execute(name, out string, inplace bool, env []string) (*notebook, error) {
	for try := 0; ; try++ {
		arg := []string{"-m", "nbconvert", "--to", "notebook", "--execute", "--ExecutePreprocessor.record_timing=False", "--ExecutePreprocessor.timeout=600"}
		result := filepath.Join(out, filepath.Base(name))
		if inplace {
			arg, result = append(arg, "--inplace"), name
		} else {
			arg = append(arg, "--output-dir", out)
		}
		cmd := exec.Command(python, append(arg, name)...)
		cmd.Env = env
		var messages bytes.Buffer
		cmd.Stdout, cmd.Stderr = &messages, &messages
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, tail(messages.String()))
		}
		n, err := readNotebook(result)
		if err != nil {
			return nil, err
		}
		if err := n.check(); err == nil || try > 0 {
			return n, err
		}
	}
}

// tail is the end of what nbconvert printed: the cell and its error.
func tail(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}
