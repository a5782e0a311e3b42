// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crossing/harness/tier"
	"crossing/harness/vm"
)

// Repo is where the project's files lie in the guest: CROSSING_REPO there.
const Repo = "/job/repo"

// Bundle returns what a guest needs to run tiers: the harness, the tiers'
// programs, their files, and the kernel module built for the guest's kernel.
func Bundle(ctx context.Context, k *vm.Kernel, repo, bin string, tiers []*tier.Tier) ([]vm.File, error) {
	module := ""
	if slices.ContainsFunc(tiers, func(t *tier.Tier) bool { return slices.Contains(t.Needs.Programs, Module) }) {
		var err error
		if module, err = vm.BuildModule(ctx, k, filepath.Join(repo, "kmod")); err != nil {
			return nil, err
		}
	}
	files, err := Tiers(Repo, repo, bin, module, tiers)
	if err != nil {
		return nil, err
	}
	harness, err := Harness(filepath.Join(Repo, "bin"), bin)
	if err != nil {
		return nil, err
	}
	return sorted(append(files, harness)), nil
}

// Harness is the harness itself, for the folder at there.
func Harness(at, bin string) (vm.File, error) { return program(at, bin, "harness") }

func program(at, bin, name string) (vm.File, error) {
	source := filepath.Join(bin, name)
	if _, err := os.Stat(source); err != nil {
		return vm.File{}, fmt.Errorf("%s is not built: make build", source)
	}
	return vm.File{Path: filepath.Join(at, name), Source: source, Executable: true}, nil
}

func sorted(files []vm.File) []vm.File {
	slices.SortFunc(files, func(a, b vm.File) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(files, func(a, b vm.File) bool { return a.Path == b.Path })
}

// Module is how tiers name the kernel module among the programs that they need.
const Module = "khttpd.ko"

// Tiers returns what another machine needs to run tiers by the harness, for the
// folder at there. The module is the file that some tiers need.
func Tiers(at, repo, bin, module string, tiers []*tier.Tier) ([]vm.File, error) {
	var files []vm.File
	for _, t := range tiers {
		for _, p := range t.Needs.Programs {
			if p == Module {
				files = append(files, vm.File{Path: filepath.Join(at, "bin", p), Source: module})
				continue
			}
			f, err := program(filepath.Join(at, "bin"), bin, p)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
		own, err := folder(at, repo, t.Folder)
		if err != nil {
			return nil, err
		}
		files = append(files, own...)
	}
	// What tells the harness that this is the project's folder.
	files = append(files, vm.File{Path: filepath.Join(at, "kmod", "Kbuild")})
	return sorted(files), nil
}

// folder returns a tier's files, at the same place below the folder at. Programs' own
// sources are left out. A tier of the user's own, outside of the project, comes
// under servers/own.
func folder(at, repo, dir string) ([]vm.File, error) {
	below, err := filepath.Rel(repo, dir)
	if err != nil || !filepath.IsLocal(below) {
		below = filepath.Join("servers", "own", filepath.Base(dir))
	}
	var files []vm.File
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(p, ".go") {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files = append(files, vm.File{Path: filepath.Join(at, below, rel), Source: p, Executable: info.Mode()&0o111 != 0})
		return nil
	})
	return files, err
}
