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

	"gopkg.in/yaml.v3"

	"crossing/data"
)

// A Claim is one entry of claims.yaml.
type Claim struct {
	ID          string   `yaml:"id"`
	Text        string   `yaml:"text"`
	Exploratory bool     `yaml:"exploratory"` // suggested by the data, not by the paper
	Datasets    []string `yaml:"datasets"`    // the first that is there is taken
	Test        string   `yaml:"test"`
	Quantity    string   `yaml:"quantity"`
	Other       string   `yaml:"other"` // second quantity of same-order
	Tiers       []string `yaml:"tiers"`
	Loads       []int    `yaml:"loads"` // connections; all of the dataset by default
	Margin      float64  `yaml:"margin"`
	Value       float64  `yaml:"value"`
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

// A Result is a tested claim.
type Result struct {
	Claim
	Verdict Verdict
	Dataset string // name and version
	Numbers string // estimate and interval, in words
	Caution string // what the verdict does not allow for
}

// quantities are what a run can be asked for.
var quantities = map[string]func(*data.Run) float64{
	"mean":         func(r *data.Run) float64 { return r.MeanNs },
	"p90":          func(r *data.Run) float64 { return float64(r.P90Ns) },
	"p99":          func(r *data.Run) float64 { return float64(r.P99Ns) },
	"1/throughput": func(r *data.Run) float64 { return 1 / r.Throughput },
	"p90/mean":     func(r *data.Run) float64 { return float64(r.P90Ns) / r.MeanNs },
	"p99/mean":     func(r *data.Run) float64 { return float64(r.P99Ns) / r.MeanNs },
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
		return fmt.Errorf("test %q: one of ordering, below, equivalent, same-order, reaches, knee", c.Test)
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
	return nil
}

// String is the result as `make claims` prints it.
func (r Result) String() string {
	var b strings.Builder
	kind := ""
	if r.Exploratory {
		kind = " (exploratory)"
	}
	fmt.Fprintf(&b, "%-4s %-12s %s%s\n", r.ID, r.Verdict, r.Text, kind)
	if r.Dataset != "" {
		fmt.Fprintf(&b, "     dataset %s: %s\n", r.Dataset, r.Numbers)
	} else {
		fmt.Fprintf(&b, "     %s\n", r.Numbers)
	}
	if r.Caution != "" {
		fmt.Fprintf(&b, "     caution: %s\n", r.Caution)
	}
	return b.String()
}
