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
	programs := []string{"harness"}
	module := false
	for _, t := range tiers {
		for _, p := range t.Needs.Programs {
			if p == "khttpd.ko" {
				module = true
			} else if !slices.Contains(programs, p) {
				programs = append(programs, p)
			}
		}
	}
	var files []vm.File
	for _, p := range programs {
		source := filepath.Join(bin, p)
		if _, err := os.Stat(source); err != nil {
			return nil, fmt.Errorf("%s is not built: make build", source)
		}
		files = append(files, vm.File{Path: filepath.Join(Repo, "bin", p), Source: source, Executable: true})
	}
	if module {
		ko, err := vm.BuildModule(ctx, k, filepath.Join(repo, "kmod"))
		if err != nil {
			return nil, err
		}
		files = append(files, vm.File{Path: filepath.Join(Repo, "bin", "khttpd.ko"), Source: ko})
	}
	for _, t := range tiers {
		own, err := folder(repo, t.Folder)
		if err != nil {
			return nil, err
		}
		files = append(files, own...)
	}
	// What tells the harness that this is the project's folder.
	files = append(files, vm.File{Path: filepath.Join(Repo, "kmod", "Kbuild")})
	slices.SortFunc(files, func(a, b vm.File) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(files, func(a, b vm.File) bool { return a.Path == b.Path }), nil
}

// folder returns a tier's files, at the same place below Repo. Programs' own
// sources are left out. A tier of the user's own, outside of the project, comes
// under servers/own.
func folder(repo, dir string) ([]vm.File, error) {
	at, err := filepath.Rel(repo, dir)
	if err != nil || !filepath.IsLocal(at) {
		at = filepath.Join("servers", "own", filepath.Base(dir))
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
		files = append(files, vm.File{Path: filepath.Join(Repo, at, rel), Source: p, Executable: info.Mode()&0o111 != 0})
		return nil
	})
	return files, err
}
