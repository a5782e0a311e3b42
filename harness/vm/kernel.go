// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"crossing/harness/vm/initrd"
)

// A Kernel is a Linux kernel with what is needed to boot it and to build
// modules for it. Nothing of it is installed on this machine.
type Kernel struct {
	Release string   // as uname -r says it
	Image   string   // bzImage
	Headers string   // directory for make -C; empty: no module can be built
	Archive string   // cpio archive with the guest's modules; empty: all is built in
	Boot    []string // modules to load at start, as paths in the guest, in order
}

// The kernels of Debian that the project is built and tested against, named by
// their metapackages.
const (
	Linux61  = "amd64"      // the stable release's own
	Linux612 = "6.12-amd64" // the next one
)

// DebianKernel returns one of Debian's kernels, [Linux61] or [Linux612],
// downloaded once and unpacked in the cache.
func DebianKernel(ctx context.Context, flavour string) (*Kernel, error) {
	image, err := versioned(ctx, "linux-image-"+flavour)
	if err != nil {
		return nil, err
	}
	headers, err := versioned(ctx, "linux-headers-"+flavour)
	if err != nil {
		return nil, err
	}
	release := strings.TrimPrefix(image, "linux-image-")
	needed, err := dependencies(ctx, headers)
	if err != nil {
		return nil, err
	}
	packages := []string{image, headers}
	for _, d := range needed {
		if strings.HasPrefix(d, "linux-headers-") || strings.HasPrefix(d, "linux-kbuild-") || strings.HasPrefix(d, "linux-compiler-") {
			packages = append(packages, d)
		}
	}
	versions, err := candidates(ctx, packages)
	if err != nil {
		return nil, err
	}
	const layout = "2" // of what buildKernel makes
	inputs := append([]string{layout}, append(versions, guestModules...)...)
	dir, err := cached(ctx, "kernel", key(inputs...), func(ctx context.Context, dir string) error {
		return buildKernel(ctx, dir, release, packages)
	})
	if err != nil {
		return nil, err
	}
	boot, err := os.ReadFile(filepath.Join(dir, "boot-modules"))
	if err != nil {
		return nil, err
	}
	k := &Kernel{
		Release: release,
		Image:   filepath.Join(dir, "boot", "vmlinuz-"+release),
		Headers: filepath.Join(dir, "usr", "src", "linux-headers-"+release),
		Archive: filepath.Join(dir, "modules.cpio"),
		Boot:    strings.Fields(string(boot)),
	}
	return k, fixHeaders(dir, release)
}

// versioned returns the package of one version that a metapackage stands for.
func versioned(ctx context.Context, meta string) (string, error) {
	depends, err := dependencies(ctx, meta)
	if err != nil {
		return "", err
	}
	stem := meta[:strings.Index(meta[len("linux-"):], "-")+len("linux-")+1]
	for _, d := range depends {
		if strings.HasPrefix(d, stem) {
			return d, nil
		}
	}
	return "", fmt.Errorf("package %s depends on no %s*: run 'apt-get update' and setup/backports.sh", meta, stem)
}

func buildKernel(ctx context.Context, dir, release string, packages []string) error {
	if err := unpack(ctx, dir, packages...); err != nil {
		return err
	}
	modules := filepath.Join(dir, "lib", "modules", release)
	for _, link := range []string{"build", "source"} {
		os.Remove(filepath.Join(modules, link)) // they lead out of the tree
	}
	if _, err := output(ctx, "", "depmod", "-b", dir, release); err != nil {
		return err
	}
	deps, err := readDependencies(filepath.Join(modules, "modules.dep"))
	if err != nil {
		return err
	}
	all, boot := closure(deps, guestModules), closure(deps, bootModules)

	// A small tree with the modules that the guest may need, plain and without
	// debugging symbols.
	small := filepath.Join(dir, "small")
	for _, m := range all {
		if err := copyModule(ctx, filepath.Join(modules, m), filepath.Join(small, "lib/modules", release, plain(m))); err != nil {
			return err
		}
	}
	for _, name := range []string{"modules.builtin", "modules.builtin.modinfo", "modules.order"} {
		data, err := os.ReadFile(filepath.Join(modules, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(small, "lib/modules", release, name), data, 0o644); err != nil {
			return err
		}
	}
	if _, err := output(ctx, "", "depmod", "-b", small, release); err != nil {
		return err
	}
	archive, err := os.Create(filepath.Join(dir, "modules.cpio"))
	if err != nil {
		return err
	}
	defer archive.Close()
	w := initrd.NewWriter(archive)
	if err := w.Tree("/", small); err != nil {
		return err
	}
	if err := errors.Join(w.Close(), archive.Close()); err != nil {
		return err
	}
	var list strings.Builder
	for _, m := range boot {
		fmt.Fprintln(&list, path.Join("/lib/modules", release, plain(m)))
	}
	if err := os.WriteFile(filepath.Join(dir, "boot-modules"), []byte(list.String()), 0o644); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(small), os.RemoveAll(filepath.Join(dir, "lib")))
}

// plain is a module's name without the suffix of a compression.
func plain(name string) string { return strings.TrimSuffix(name, ".xz") }

func copyModule(ctx context.Context, from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	command := "cat"
	if strings.HasSuffix(from, ".xz") {
		command = "xz -dc"
	}
	_, err := output(ctx, "", "sh", "-c", command+` <"$1" >"$2" && strip --strip-debug "$2"`, "sh", from, to)
	return err
}

// readDependencies reads depmod's modules.dep: each module's file with the
// files that it needs, nearest first.
func readDependencies(name string) (map[string][]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	deps := map[string][]string{}
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if file, needs, ok := strings.Cut(s.Text(), ":"); ok {
			deps[file] = strings.Fields(needs)
		}
	}
	return deps, s.Err()
}

// closure returns the files of the named modules and of all that they need,
// each after what it needs. A name that is no module is built in.
func closure(deps map[string][]string, names []string) []string {
	byName := map[string]string{}
	for file := range deps {
		name := strings.TrimSuffix(plain(path.Base(file)), ".ko")
		byName[strings.ReplaceAll(name, "-", "_")] = file
	}
	names = append([]string(nil), names...)
	sort.Strings(names)
	var order []string
	seen := map[string]bool{}
	add := func(file string) {
		if file != "" && !seen[file] {
			seen[file] = true
			order = append(order, file)
		}
	}
	for _, name := range names {
		file := byName[strings.ReplaceAll(name, "-", "_")]
		needs := deps[file]
		for i := len(needs) - 1; i >= 0; i-- {
			add(needs[i])
		}
		add(file)
	}
	return order
}

// fixHeaders makes Debian's headers usable where they were unpacked: one
// include has an absolute path. The cache may have been moved, so it is done on
// each use.
func fixHeaders(dir, release string) error {
	flavour := filepath.Join(dir, "usr/src/linux-headers-"+release, "Makefile")
	common := filepath.Join(dir, "usr/src/linux-headers-"+strings.TrimSuffix(release, "-amd64")+"-common", "Makefile")
	want := "include " + common + "\n"
	if have, err := os.ReadFile(flavour); err == nil && string(have) == want {
		return nil
	}
	return os.WriteFile(flavour, []byte(want), 0o644)
}

// LocalKernel returns the kernel that was built in a Linux source tree, with
// all that the guest needs built in.
func LocalKernel(tree string) (*Kernel, error) {
	tree, err := filepath.Abs(tree)
	if err != nil {
		return nil, err
	}
	release, err := os.ReadFile(filepath.Join(tree, "include/config/kernel.release"))
	if err != nil {
		return nil, fmt.Errorf("%s is no built Linux source tree: %w", tree, err)
	}
	return &Kernel{
		Release: strings.TrimSpace(string(release)),
		Image:   filepath.Join(tree, "arch/x86/boot/bzImage"),
		Headers: tree,
	}, nil
}
