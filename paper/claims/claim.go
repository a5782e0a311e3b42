// SPDX-License-Identifier: Apache-2.0

// Package claims tests the paper's claims against datasets. A claim's text and
// test are fixed in claims.yaml before the data are examined, where amendments
// are listed; the verdict follows from them. Results are values: package render
// makes text, HTML and TeX of them.
package claims

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"crossing/notebooks/analysis/runs"
)

// A Claim is one entry of claims.yaml.
type Claim struct {
	ID          string   `yaml:"id" json:"id,omitempty"`
	Text        string   `yaml:"text" json:"text,omitempty"`               // the paper's; where exploratory, what the data suggest
	Exploratory bool     `yaml:"exploratory" json:"exploratory,omitempty"` // suggested by the data, not by the paper
	Datasets    []string `yaml:"datasets" json:"datasets,omitempty"`       // the first that holds all it takes gives the verdict
	Test        string   `yaml:"test" json:"test,omitempty"`
	Quantity    string   `yaml:"quantity" json:"quantity,omitempty"`
	Other       string   `yaml:"other" json:"other,omitempty"` // second quantity of same-order
	Tiers       []string `yaml:"tiers" json:"tiers,omitempty"`
	Loads       []int    `yaml:"loads" json:"loads,omitempty"` // connections; all of the dataset by default
	Margin      float64  `yaml:"margin" json:"margin,omitempty"`
	Value       float64  `yaml:"value" json:"value,omitempty"`

	// Labels are the tiers' names in datasets that use other ones.
	Labels map[string][]string `yaml:"labels" json:"labels,omitempty"`
	// Note is what the test leaves open, whatever the data.
	Note string `yaml:"note" json:"note,omitempty"`
	// Explain names an analysis of the cause: mystery.
	Explain string `yaml:"explain" json:"explain,omitempty"`
}

// A Result is a tested claim: the finding that gives the verdict, and those of
// the other datasets that can test it.
type Result struct {
	Claim
	Finding
	Elsewhere []Finding    `json:"elsewhere,omitempty"`
	Why       fmt.Stringer `json:"-"` // what the claim's own analysis found; nil without one
}

// A File is claims.yaml.
type File struct {
	Amendments []Amendment `yaml:"amendments" json:"amendments"`
	Claims     []Claim     `yaml:"claims" json:"claims"`
}

// Read reads and checks the claims.
func Read(file string) (*File, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var f File
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i, c := range f.Claims {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("%s: claim %d (%s): %w", file, i+1, c.ID, err)
		}
		if slices.ContainsFunc(f.Claims[:i], func(o Claim) bool { return o.ID == c.ID }) {
			return nil, fmt.Errorf("%s: two claims are named %s", file, c.ID)
		}
	}
	for i, a := range f.Amendments {
		if err := a.check(f.Claims); err != nil {
			return nil, fmt.Errorf("%s: amendment %d: %w", file, i+1, err)
		}
	}
	return &f, nil
}

func (c *Claim) check() error {
	if c.ID == "" || c.Text == "" || len(c.Datasets) == 0 {
		return errors.New("id, text and datasets must be there")
	}
	want, ok := tests[c.Test]
	if !ok {
		return fmt.Errorf("test %q: one of %s", c.Test, strings.Join(testNames(), ", "))
	}
	if len(c.Tiers) < want.tiers {
		return fmt.Errorf("test %s takes at least %d tiers", c.Test, want.tiers)
	}
	for _, q := range []string{c.Quantity, c.Other} {
		if _, ok := quantities[q]; q != "" && !ok {
			return fmt.Errorf("quantity %q is not known", q)
		}
	}
	if want.quantity && c.Quantity == "" {
		return fmt.Errorf("test %s takes a quantity", c.Test)
	}
	if c.Test == "same-order" && c.Other == "" {
		return errors.New("test same-order takes another quantity (other)")
	}
	for name, labels := range c.Labels {
		if len(labels) != len(c.Tiers) {
			return fmt.Errorf("labels for %s: %d for %d tiers", name, len(labels), len(c.Tiers))
		}
	}
	if _, ok := explanations[c.Explain]; c.Explain != "" && !ok {
		return fmt.Errorf("explain %q: the only analysis is mystery", c.Explain)
	}
	return nil
}

// Test tests a claim on each of its datasets that is there. The first that
// holds all its tiers, with requests enough for its quantity, gives the verdict,
// else the first that holds some of them; of those a part of the claim can be contradicted, but not the whole
// supported. open returns the newest dataset of a name, or false.
func Test(c Claim, open func(name string) (*runs.Set, bool)) Result {
	var whole, part, none []Finding
	var lacks []error
	for _, name := range c.Datasets {
		s, ok := open(name)
		if !ok {
			lacks = append(lacks, fmt.Errorf("no dataset %s is released", name))
			continue
		}
		f, err := c.on(s)
		switch {
		case err != nil:
			lacks = append(lacks, fmt.Errorf("%s %w", s.Meta.ID(), err))
		case f.Verdict == NotTested:
			none = append(none, f)
		case len(f.Lacks) == 0:
			whole = append(whole, f)
		default:
			part = append(part, f)
		}
	}
	r := Result{Claim: c, Finding: Finding{Verdict: NotTested, Warnings: lacks}}
	if all := slices.Concat(whole, part, none); len(all) > 0 {
		r.Finding, r.Elsewhere = all[0], all[1:]
	}
	if c.Explain != "" {
		r.Why = explanations[c.Explain](open)
	}
	return r
}

// TestAll tests each claim on the datasets, which are given by name.
func TestAll(all []Claim, sets map[string]*runs.Set) []Result {
	results := make([]Result, len(all))
	for i, c := range all {
		results[i] = Test(c, func(name string) (*runs.Set, bool) {
			s, ok := sets[name]
			return s, ok
		})
	}
	return results
}

// on tests the claim on one dataset. The error reports what the dataset lacks.
func (c Claim) on(s *runs.Set) (f Finding, err error) {
	if labels, ok := c.Labels[s.Meta.Name]; ok {
		c.Tiers = labels
	}
	want := tests[c.Test]
	there := func(t string) bool { return len(s.Closed(t, file)) > 0 }
	for _, t := range c.Tiers {
		if !there(t) {
			f.Lacks = append(f.Lacks, t)
		}
	}
	c.Tiers = slices.DeleteFunc(slices.Clone(c.Tiers), func(t string) bool { return !there(t) })
	if len(c.Tiers) < max(want.tiers, 1) {
		return f, fmt.Errorf("has no %s", strings.Join(f.Lacks, ", "))
	}
	c.Loads = common(s, &c)
	if len(c.Loads) < want.loads {
		return f, fmt.Errorf("has %d of the loads in all these tiers; the test takes %d", len(c.Loads), want.loads)
	}
	f.Dataset = s.Meta.ID()
	want.run(&c, s, &f)
	f.warn()
	f.Warnings = append(f.Warnings, cautions(s, &c)...)
	if len(f.Lacks) > 0 && f.Verdict == Supported {
		f.Verdict = Inconclusive
	}
	return f, nil
}

// common are the claim's loads, or all of the dataset, at which every tier has
// a usable run.
func common(s *runs.Set, c *Claim) (loads []int) {
	for _, n := range s.Connections() {
		if len(c.Loads) > 0 && !slices.Contains(c.Loads, n) {
			continue
		}
		if !slices.ContainsFunc(c.Tiers, func(t string) bool { return len(s.Closed(t, file)[n]) == 0 }) {
			loads = append(loads, n)
		}
	}
	return loads
}
