// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Debian is asked through apt alone, so the mirror, its keys and its proxy are
// those of this machine.

// debianSources returns the lines of a sources.list with the Debian archives
// that this machine uses for its own release, and that release's name.
func debianSources(ctx context.Context) (lines []string, release string, err error) {
	release, err = output(ctx, "", "sh", "-c", ". /etc/os-release && printf %s \"$VERSION_CODENAME\"")
	if err != nil {
		return nil, "", err
	}
	out, err := output(ctx, "", "apt-get", "indextargets", "--format",
		"$(ORIGIN)\t$(CODENAME)\t$(REPO_URI)\t$(COMPONENT)", "Created-By: Packages")
	if err != nil {
		return nil, "", err
	}
	lines = sourceLines(out, release)
	if len(lines) == 0 {
		return nil, "", fmt.Errorf("apt has no package lists of Debian %s: run 'apt-get update' first", release)
	}
	return lines, release, nil
}

// sourceLines picks Debian's own archives of one release, without backports,
// from what apt-get indextargets printed.
func sourceLines(targets, release string) []string {
	components := map[string][]string{}
	for _, line := range strings.Split(targets, "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 4 || f[0] != "Debian" {
			continue
		}
		switch f[1] {
		case release, release + "-updates", release + "-security":
			key := "deb " + f[2] + " " + f[1]
			components[key] = append(components[key], f[3])
		}
	}
	var lines []string
	for key, c := range components {
		sort.Strings(c)
		lines = append(lines, key+" "+strings.Join(c, " "))
	}
	sort.Strings(lines)
	return lines
}

// candidates returns the versions that apt would install, as "name version"
// lines in the order of the names.
func candidates(ctx context.Context, packages []string) ([]string, error) {
	out, err := output(ctx, "", "apt-cache", append([]string{"policy"}, packages...)...)
	if err != nil {
		return nil, err
	}
	found := policyCandidates(out)
	var lines []string
	for _, p := range packages {
		if found[p] == "" || found[p] == "(none)" {
			return nil, fmt.Errorf("apt knows no package %s: run 'apt-get update', or setup/backports.sh if it is a backport", p)
		}
		lines = append(lines, p+" "+found[p])
	}
	return lines, nil
}

func policyCandidates(policy string) map[string]string {
	found := map[string]string{}
	var name string
	for _, line := range strings.Split(policy, "\n") {
		if n, ok := strings.CutSuffix(line, ":"); ok && !strings.HasPrefix(line, " ") {
			name = n
		}
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "Candidate: "); ok {
			found[name] = v
		}
	}
	return found
}

// dependencies returns the packages that one package depends on.
func dependencies(ctx context.Context, name string) ([]string, error) {
	out, err := output(ctx, "", "apt-cache", "depends", "--no-recommends", "--no-suggests", name)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, line := range strings.Split(out, "\n") {
		if d, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: "); ok {
			names = append(names, d)
		}
	}
	return names, nil
}

// unpack downloads packages and unpacks them below dir, without installing them.
func unpack(ctx context.Context, dir string, packages ...string) error {
	download, err := os.MkdirTemp(dir, "deb")
	if err != nil {
		return err
	}
	defer os.RemoveAll(download)
	os.Chmod(download, 0o777) // apt downloads as its own user
	if _, err := output(ctx, download, "apt-get", append([]string{"-q", "download"}, packages...)...); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(download, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range debs {
		if _, err := output(ctx, "", "dpkg-deb", "-x", deb, dir); err != nil {
			return err
		}
	}
	return nil
}
