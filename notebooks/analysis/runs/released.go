// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"path/filepath"

	"crossing/data/dataset"
)

// OpenFolder opens the dataset in a folder, released or not. What its columns lack
// is computed from its rows.
func OpenFolder(folder string) (*Set, error) {
	d, err := dataset.Open(filepath.Clean(folder))
	if err != nil {
		return nil, err
	}
	if err := derive(d); err != nil {
		return nil, err
	}
	return New(d), nil
}

// Released opens the newest release of each dataset in a folder, by name.
func Released(folder string) (map[string]*Set, error) {
	all, err := dataset.Releases(folder)
	if err != nil {
		return nil, err
	}
	sets := map[string]*Set{}
	for _, r := range all {
		if sets[r.Name] != nil {
			continue
		}
		newest, _ := dataset.Newest(all, r.Name)
		s, err := OpenFolder(newest.Dir(folder))
		if err != nil {
			return nil, err
		}
		sets[r.Name] = s
	}
	return sets, nil
}
