// SPDX-License-Identifier: Apache-2.0

// Package claims tests the paper's claims against datasets. What a claim says,
// and by which test it stands or falls, is fixed in claims.yaml before the data
// are looked at; the verdict follows from that.
package claims

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"crossing/data/dataset"
	"crossing/notebooks/analysis/runs"
)

// A Claim is one entry of claims.yaml.
type Claim struct {
	ID          string   `yaml:"id"`
	Text        string   `yaml:"text"`        // what the paper said; where exploratory, what the data suggest
	Exploratory bool     `yaml:"exploratory"` // suggested by the data, not by the paper
	Datasets    []string `yaml:"datasets"`    // the first that holds all it takes gives the verdict
	Test        string   `yaml:"test"`
	Quantity    string   `yaml:"quantity"`
	Other       string   `yaml:"other"` // second quantity of same-order
	Tiers       []string `yaml:"tiers"`
	Loads       []int    `yaml:"loads"` // connections; all of the dataset by default
	Margin      float64  `yaml:"margin"`
	Value       float64  `yaml:"value"`

	// Labels are the names that the tiers have in a dataset that calls them
	// otherwise.
	Labels map[string][]string `yaml:"labels"`
	// Note says what the test leaves open, whatever the data.
	Note string `yaml:"note"`
	// Explain names an analysis that says why: mystery.
	Explain string `yaml:"explain"`
}

// A Verdict is what the data say of a claim.
type Verdict string

// The verdicts.
const (
	Supported    Verdict = "SUPPORTED"
	Contradicted Verdict = "CONTRADICTED"
	Inconclusive Verdict = "INCONCLUSIVE"
	NotTested    Verdict = "NOT TESTED" // no dataset holds what it takes
)

// A Finding is what one dataset says of a claim.
type Finding struct {
	Verdict Verdict
	Dataset string   // name and version; empty where none holds what it takes
	Lacks   []string // tiers of the claim that the dataset does not have
	Numbers string   // estimate and interval, in words
	Caution string   // wire, client, emulation and noise, as the dataset's columns tell
}

// A Result is a tested claim: the finding that gives the verdict, and those of
// the other datasets that can say something.
type Result struct {
	Claim
	Finding
	Elsewhere []Finding
	Why       string // what the claim's own analysis found; empty without one
}

// quantities are what a run can be asked for.
var quantities = map[string]func(*dataset.Run) float64{
	"mean":         func(r *dataset.Run) float64 { return r.MeanNs },
	"p90":          func(r *dataset.Run) float64 { return float64(r.P90Ns) },
	"p99":          func(r *dataset.Run) float64 { return float64(r.P99Ns) },
	"1/throughput": func(r *dataset.Run) float64 { return 1 / r.Throughput },
	"p99/mean":     func(r *dataset.Run) float64 { return float64(r.P99Ns) / r.MeanNs },
	// How far the two are apart, as a ratio of at least 1: with a tail that is
	// long enough the 90th percentile lies below the mean.
	"p90 apart from mean": func(r *dataset.Run) float64 { return max(float64(r.P90Ns)/r.MeanNs, r.MeanNs/float64(r.P90Ns)) },
}

// Read reads and checks the claims.
func Read(file string) ([]Claim, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all []Claim
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i, c := range all {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("%s: claim %d (%s): %w", file, i+1, c.ID, err)
		}
		if slices.ContainsFunc(all[:i], func(o Claim) bool { return o.ID == c.ID }) {
			return nil, fmt.Errorf("%s: two claims are named %s", file, c.ID)
		}
	}
	return all, nil
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
// holds all its tiers gives the verdict, else the first that holds some of
// them; of those a part of the claim can be contradicted, but not the whole
// supported. open returns the newest dataset of a name, or false.
func Test(c Claim, open func(name string) (*runs.Set, bool)) Result {
	var whole, part []Finding
	var lacks []string
	for _, name := range c.Datasets {
		s, ok := open(name)
		if !ok {
			lacks = append(lacks, "no dataset "+name+" is released")
			continue
		}
		f, err := c.on(s)
		switch {
		case err != nil:
			lacks = append(lacks, fmt.Sprintf("%s %v", s.Meta.ID(), err))
		case len(f.Lacks) == 0:
			whole = append(whole, f)
		default:
			part = append(part, f)
		}
	}
	r := Result{Claim: c, Finding: Finding{Verdict: NotTested, Numbers: strings.Join(lacks, "; ")}}
	if all := append(whole, part...); len(all) > 0 {
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

// on tests the claim on one dataset. The error says what the dataset lacks.
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
	f.Verdict, f.Numbers = want.run(&c, s)
	f.Caution = caution(s, &c)
	if len(f.Lacks) > 0 {
		f.Numbers = "without " + strings.Join(f.Lacks, ", ") + ": " + f.Numbers
		if f.Verdict == Supported {
			f.Verdict = Inconclusive
			f.Numbers = "holds as far as it can be tested; " + f.Numbers
		}
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

// String is the result as `make claims` prints it.
func (r Result) String() string {
	var b strings.Builder
	said := "the paper: "
	if r.Exploratory {
		said = "exploratory: "
	}
	fmt.Fprintf(&b, "%-4s %-12s %s%s\n", r.ID, r.Verdict, said, r.Text)
	if r.Dataset == "" {
		fmt.Fprintf(&b, "     %s\n", r.Numbers)
	} else {
		fmt.Fprintf(&b, "     dataset %s: %s\n", r.Dataset, r.Numbers)
	}
	if r.Caution != "" {
		fmt.Fprintf(&b, "     as far as the data tell: %s\n", r.Caution)
	}
	if r.Note != "" {
		fmt.Fprintf(&b, "     left open: %s\n", r.Note)
	}
	if r.Why != "" {
		fmt.Fprintf(&b, "     why: %s\n", r.Why)
	}
	for _, f := range r.Elsewhere {
		fmt.Fprintf(&b, "     elsewhere, %s: %s; %s\n", f.Dataset, f.Verdict, f.Numbers)
	}
	return b.String()
}
