// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"crossing/internal/atomicfile"
)

// releasesName is the list of released versions in the data folder: name,
// version and the SHA-256 of the version's SHA256SUMS on each line. A line is
// added and never changed, so that a released byte cannot change unseen.
const releasesName = "RELEASES"

// A Release is one line of the list.
type Release struct{ Name, Version, Sum string }

// ID is name and version: "netns v1.0.0".
func (r Release) ID() string { return r.Name + " v" + r.Version }

// Dir is where the release lies, below the data folder.
func (r Release) Dir(folder string) string { return filepath.Join(folder, r.Name, "v"+r.Version) }

// Releases reads the list, oldest first. A folder without one has none.
func Releases(folder string) ([]Release, error) {
	b, err := os.ReadFile(filepath.Join(folder, releasesName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Release
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		f := strings.Fields(s.Text())
		if len(f) != 3 || len(f[2]) != 64 {
			return nil, fmt.Errorf("%s: line %q is not name, version and SHA-256", filepath.Join(folder, releasesName), s.Text())
		}
		all = append(all, Release{f[0], f[1], f[2]})
	}
	return all, nil
}

var semver = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$`)

// Publish adds the finished dataset in folder/NAME/vVERSION to the list. From
// then on VerifyReleases guards it.
func Publish(folder, name, version string) error {
	if !semver.MatchString(version) {
		return fmt.Errorf("version %q: three numbers with points between, as 1.0.0", version)
	}
	all, err := Releases(folder)
	if err != nil {
		return err
	}
	r := Release{Name: name, Version: version}
	if slices.ContainsFunc(all, func(o Release) bool { return o.ID() == r.ID() }) {
		return fmt.Errorf("%s is released and never changes; choose a higher version", r.ID())
	}
	dir := r.Dir(folder)
	d, err := Open(dir)
	if err != nil {
		return err
	}
	if d.Meta.Name != name || d.Meta.Version != version {
		return fmt.Errorf("%s holds %s; move it to its own folder", dir, d.Meta.ID())
	}
	if err := Verify(dir); err != nil {
		return err
	}
	if r.Sum, err = hashFile(filepath.Join(dir, sumsName)); err != nil {
		return err
	}
	var b strings.Builder
	for _, o := range append(all, r) {
		fmt.Fprintln(&b, o.Name, o.Version, o.Sum)
	}
	return atomicfile.Write(filepath.Join(folder, releasesName), []byte(b.String()))
}

// ErrNoReleases reports that there is nothing to verify.
var ErrNoReleases = errors.New("no release to verify")

// VerifyReleases verifies every release in the list, calls each with what it
// found, and returns the number of releases. A folder without any is an error,
// and so is a finished dataset in it that the list does not name.
func VerifyReleases(folder string, each func(Release, error)) (int, error) {
	all, err := Releases(folder)
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("%w: %s lists none", ErrNoReleases, filepath.Join(folder, releasesName))
	}
	for _, r := range all {
		each(r, r.verify(folder))
	}
	return len(all), unlisted(folder, all)
}

// unlisted returns an error that names the finished datasets below folder that
// are not in the list.
func unlisted(folder string, all []Release) error {
	found, err := filepath.Glob(filepath.Join(folder, "*", "v*", packageName))
	if err != nil {
		return err
	}
	var faults []error
	for _, file := range found {
		dir := filepath.Dir(file)
		if !slices.ContainsFunc(all, func(r Release) bool { return r.Dir(folder) == dir }) {
			faults = append(faults, fmt.Errorf("%s: a dataset that %s does not list; `data release` it, or move it elsewhere", dir, releasesName))
		}
	}
	return errors.Join(faults...)
}

func (r Release) verify(folder string) error {
	dir := r.Dir(folder)
	sum, err := hashFile(filepath.Join(dir, sumsName))
	if err != nil {
		return fmt.Errorf("released, but not there: %w", err)
	}
	if sum != r.Sum {
		return fmt.Errorf("%s is not the one that was released; download it again", filepath.Join(dir, sumsName))
	}
	return Verify(dir)
}

// Newest returns the newest release of a name, by version, or false.
func Newest(all []Release, name string) (Release, bool) {
	var best Release
	for _, r := range all {
		if r.Name == name && (best.Name == "" || newer(r.Version, best.Version)) {
			best = r
		}
	}
	return best, best.Name != ""
}

func newer(a, b string) bool {
	var x, y [3]int
	_, _ = fmt.Sscanf(a, "%d.%d.%d", &x[0], &x[1], &x[2])
	_, _ = fmt.Sscanf(b, "%d.%d.%d", &y[0], &y[1], &y[2])
	return slices.Compare(x[:], y[:]) > 0
}
