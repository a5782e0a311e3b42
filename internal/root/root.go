// SPDX-License-Identifier: Apache-2.0

// Package root finds the project's root folder.
package root

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Env is the environment variable that names the root.
const Env = "CROSSING_REPO"

// module is the first line of the root's go.mod.
const module = "module crossing"

// ErrNotFound says that neither the environment, nor the working directory, nor
// the program's folder leads to the project.
var ErrNotFound = errors.New("not inside the project: run this in its folder, or set " + Env + " to it")

// Find returns the absolute path of the root: the folder that Env names, whatever
// it holds, since a guest and another machine have a part of the project; else
// the nearest folder upwards with the project's go.mod, first from the working
// directory, then from the executable.
func Find() (string, error) {
	if dir := os.Getenv(Env); dir != "" {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is not a folder", dir)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", Env, err)
		}
		return filepath.Abs(dir)
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	starts := []string{wd}
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	for _, dir := range starts {
		for {
			if Is(dir) {
				return dir, nil
			}
			up := filepath.Dir(dir)
			if up == dir {
				break
			}
			dir = up
		}
	}
	return "", ErrNotFound
}

// Is reports whether dir is the root of the project's sources.
func Is(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	defer f.Close()
	line := bufio.NewScanner(f)
	return line.Scan() && strings.TrimSpace(line.Text()) == module
}
