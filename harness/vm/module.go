// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// BuildModule builds the kernel module in the source directory for k, in a
// place of its own in the cache, and returns the path of NAME.ko.
func BuildModule(ctx context.Context, k *Kernel, source string) (string, error) {
	compiler, err := output(ctx, "", "gcc", "--version")
	if err != nil {
		return "", err
	}
	files, err := moduleSources(source)
	if err != nil {
		return "", err
	}
	inputs := []string{k.Release, k.Headers, compiler, strings.Join(stripped, " ")}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		inputs = append(inputs, filepath.Base(f), string(data))
	}
	dir, err := cached(ctx, "module", key(inputs...), func(ctx context.Context, dir string) error {
		if _, err := makeModule(ctx, k, files, dir); err != nil {
			return err
		}
		ko, err := moduleIn(dir)
		if err != nil {
			return err
		}
		if _, err := output(ctx, "", "objcopy", append(stripped, ko)...); err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return moduleIn(dir)
}

// stripped keeps the place of the build out of the module: debug info and the
// hash over it hold its paths. The module is a part of the guest's image, whose
// bytes decide what a run in virtual time shows, so that every folder must give
// the same.
var stripped = []string{"--strip-debug", "--remove-section=.note.gnu.build-id"}

// moduleIn returns the path of the one module in dir.
func moduleIn(dir string) (string, error) {
	built, err := filepath.Glob(filepath.Join(dir, "*.ko"))
	if err != nil || len(built) != 1 {
		return "", fmt.Errorf("%d modules in %s, want one (%v)", len(built), dir, err)
	}
	return built[0], nil
}

// CheckModule builds the module with the kernel's extra warnings and, where it
// is installed, with sparse. It returns what they said: nothing, if all is well.
func CheckModule(ctx context.Context, k *Kernel, source string) (string, error) {
	files, err := moduleSources(source)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "module-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	options := []string{"W=1"}
	if _, err := exec.LookPath("sparse"); err == nil {
		options = append(options, "C=2")
	}
	return makeModule(ctx, k, files, dir, options...)
}

// moduleSources lists what Kbuild needs of a module's directory.
func moduleSources(dir string) ([]string, error) {
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	var files []string
	for _, f := range all {
		if base := filepath.Base(f); strings.HasSuffix(base, ".c") || strings.HasSuffix(base, ".h") || base == "Kbuild" {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no kernel module", dir)
	}
	return files, nil
}

// makeModule copies the sources to dir, builds them there and returns what the
// build printed. BTF is left out: it needs the kernel's own image, and the
// module uses none.
func makeModule(ctx context.Context, k *Kernel, files []string, dir string, options ...string) (string, error) {
	if k.Headers == "" {
		return "", fmt.Errorf("kernel %s has no headers to build modules with", k.Release)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), data, 0o644); err != nil {
			return "", err
		}
	}
	args := append([]string{
		"-s", "-C", k.Headers, "M=" + dir, "CONFIG_DEBUG_INFO_BTF_MODULES=",
		"KCFLAGS=-ffile-prefix-map=" + dir + "=. -ffile-prefix-map=" + k.Headers + "=linux",
	}, options...)
	out, err := exec.CommandContext(ctx, "make", append(args, "modules")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the module for %s: %w:\n%s", k.Release, err, out)
	}
	return string(out), nil
}
