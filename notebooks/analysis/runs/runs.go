// SPDX-License-Identifier: Apache-2.0

// Package runs picks from a dataset the runs that a statistic may use, and
// says what it left out.
package runs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crossing/data/dataset"
	"crossing/internal/root"
)

// DatasetEnv names the environment variable that names the dataset that the
// notebooks read: its folder.
const DatasetEnv = "CROSSING_DATASET"

// ErrNoDataset reports that there is nothing to read.
var ErrNoDataset = errors.New("no dataset: set " + DatasetEnv + " to a dataset's folder, or collect one with `make collect`")

// A Set is a dataset's runs.
type Set struct {
	*dataset.Dataset
	tiers []Tier
}

// A Tier is a server as the dataset labels it.
type Tier struct{ Name, Boundary string }

// Open opens the dataset that DatasetEnv names, else the newest release of
// name, else what was collected last.
func Open(name string) (*Set, error) {
	dir := os.Getenv(DatasetEnv)
	if dir == "" {
		repo, err := root.Find()
		if err != nil {
			return nil, err
		}
		released, err := dataset.Releases(filepath.Join(repo, "data"))
		if err != nil {
			return nil, err
		}
		if r, ok := dataset.Newest(released, name); ok {
			dir = r.Dir(filepath.Join(repo, "data"))
		} else {
			dir = filepath.Join(repo, "out", "kick", "v0.0.0")
		}
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrNoDataset, err)
	}
	return OpenFolder(dir)
}

// boundaries order the tiers as the study's question does.
var boundaries = []string{"user", "kernel", "bypass"}

// New takes an open dataset.
func New(d *dataset.Dataset) *Set {
	s := &Set{Dataset: d}
	for _, r := range d.Runs() {
		t := Tier{r.Tier, r.Boundary}
		if r.Boundary != "" && !slices.Contains(s.tiers, t) {
			s.tiers = append(s.tiers, t)
		}
	}
	slices.SortFunc(s.tiers, func(a, b Tier) int {
		if x, y := slices.Index(boundaries, a.Boundary), slices.Index(boundaries, b.Boundary); x != y {
			return x - y
		}
		return strings.Compare(a.Name, b.Name)
	})
	return s
}

// Tiers are those of the dataset, by boundary and name.
func (s *Set) Tiers() []Tier { return s.tiers }

// Closed returns the usable runs of a tier on a file in closed loops, without
// the tracer, by connections and, within one, by block.
func (s *Set) Closed(tier, file string) map[int][]dataset.Run {
	by := map[int][]dataset.Run{}
	for _, r := range s.Runs() {
		if r.Tier == tier && r.File == file && r.Loop == "closed" && r.Outcome == dataset.OK && !r.Traced {
			by[int(r.Connections)] = append(by[int(r.Connections)], r)
		}
	}
	for _, runs := range by {
		slices.SortFunc(runs, func(a, b dataset.Run) int { return int(a.Block - b.Block) })
	}
	return by
}

// Connections are the closed loops' of the dataset, ascending.
func (s *Set) Connections() []int {
	var all []int
	for _, r := range s.Runs() {
		if n := int(r.Connections); r.Loop == "closed" && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// Files are the files asked for, in order of length.
func (s *Set) Files() []string {
	length := map[string]int64{}
	var all []string
	for _, r := range s.Runs() {
		if _, ok := length[r.File]; !ok {
			all = append(all, r.File)
		}
		length[r.File] = max(length[r.File], r.FileBytes)
	}
	slices.SortFunc(all, func(a, b string) int { return int(length[a] - length[b]) })
	return all
}

// Left lists what a statistic over closed loops leaves out, one line each, or
// nothing.
func (s *Set) Left() []string {
	n := map[string]int{}
	for _, r := range s.Runs() {
		switch {
		case r.Outcome == dataset.Failed:
			n[r.Tier+": runs that failed and were tried again"]++
		case r.Outcome == dataset.Rejected:
			n[r.Tier+": runs rejected by a self-check"]++
		}
	}
	var all []string
	for what, count := range n {
		all = append(all, fmt.Sprintf("%s: %d", what, count))
	}
	slices.Sort(all)
	return all
}

// Marked counts the usable runs that bear a mark.
func (s *Set) Marked(mark string) (marked, of int) {
	for _, r := range s.Runs() {
		if r.Outcome != dataset.OK {
			continue
		}
		of++
		if slices.Contains(strings.Fields(r.Marks), mark) {
			marked++
		}
	}
	return marked, of
}

// Notes are what every figure made from the set must say.
func (s *Set) Notes() []string {
	notes := []string{fmt.Sprintf("Dataset %s; lines are means over runs, of rates totals over totals, with their 95 %% intervals.", s.Meta.ID())}
	if s.Meta.Emulated {
		notes = append(notes, "Emulated Intel 82576 in virtual time: instructions and mechanisms, no caches, no PCIe, no true parallelism.")
	}
	return notes
}
