// SPDX-License-Identifier: Apache-2.0

package mystery

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"crossing/notebooks/analysis/runs"
)

// An At is a variant at a number of connections.
type At struct {
	Variant
	Connections int
}

// An EffectsAt are the effects at a number of connections.
type EffectsAt struct {
	Connections int
	Blocks      int
	Best        Effect // on p99/mean
	Shares      []Share
	Mixed       *Factor // whose effect the shares hold, too; nil: none
	Err         error   // why there is none of these
}

// Findings are what a dataset shows of p99/mean.
type Findings struct {
	Err       error   // why it shows nothing
	Largest   *At     // the greatest p99/mean measured with a thread per connection
	Printed   *At     // the greatest as wrk would print it
	Highest   float64 // upper bound over all variants with a p99, measured or as printed
	Variants  int     // at all loads
	Unbounded int     // of them, whose runs have too few requests for a p99
	Effects   []EffectsAt
}

// Answer finds how large p99/mean is and what makes it so, at some loads.
func Answer(s *runs.Set, loads ...int) (f Findings) {
	if !has(s) {
		return Findings{Err: ErrAbsent}
	}
	for _, n := range loads {
		variants, err := Variants(s, n)
		if err != nil {
			return Findings{Err: err}
		}
		for _, v := range variants {
			f.Variants++
			if v.TailErr != nil {
				f.Unbounded++
			}
			if v.Err != nil || v.TailErr != nil {
				continue
			}
			for _, bound := range []float64{v.Ratio.Estimate, v.Ratio.Hi, v.Wrk.Estimate, v.Wrk.Hi} {
				if bound > f.Highest {
					f.Highest = bound
				}
			}
			if on, ok := Levels(v.Label); !ok || on&1 == 0 {
				continue
			}
			if f.Largest == nil || v.Ratio.Estimate > f.Largest.Ratio.Estimate {
				f.Largest = &At{v, n}
			}
			if f.Printed == nil || v.Wrk.Estimate > f.Printed.Wrk.Estimate {
				f.Printed = &At{v, n}
			}
		}
		f.Effects = append(f.Effects, effectsAt(s, n))
	}
	return f
}

func effectsAt(s *runs.Set, connections int) EffectsAt {
	e := EffectsAt{Connections: connections}
	effects, blocks, err := Effects(s, connections)
	if err != nil {
		e.Err = err
		return e
	}
	e.Blocks = blocks
	if e.Err = effects[0].TailErr; e.Err != nil {
		return e
	}
	e.Best = slices.MaxFunc(effects, func(a, b Effect) int {
		return int(math.Copysign(1, a.Ratio.Estimate-b.Ratio.Estimate))
	})
	e.Shares, e.Mixed, e.Err = Shares(s, effects, connections)
	return e
}

// String is the findings as sentences.
func (f Findings) String() string {
	if errors.Is(f.Err, ErrAbsent) {
		return "The question cannot be answered: " + f.Err.Error() + "."
	}
	if f.Err != nil {
		return f.Err.Error() + "."
	}
	var all []string
	if f.Unbounded > 0 {
		all = append(all, fmt.Sprintf("%d of %s hold runs with too few requests for a p99; nothing is said of their tails.", f.Unbounded, runs.Count(f.Variants, "variant")))
	}
	if f.Largest != nil {
		all = append(all, fmt.Sprintf("With a thread per connection the largest p99/mean is %s at %s (%s); as wrk would print it, %s at %s (%s).",
			f.Largest.Ratio, runs.Count(f.Largest.Connections, "connection"), name(f.Largest.Label), f.Printed.Wrk, runs.Count(f.Printed.Connections, "connection"), name(f.Printed.Label)))
	}
	if f.Highest > 0 && f.Highest < Paper {
		all = append(all, fmt.Sprintf("No variant of this dataset with a p99 comes to the %d times that the paper reports: the highest upper bound is %.3g.", Paper, f.Highest))
	}
	for _, e := range f.Effects {
		all = append(all, e.String())
	}
	return strings.Join(all, " ")
}

// String is the effects as sentences.
func (e EffectsAt) String() string {
	at := runs.Count(e.Connections, "connection")
	if e.Err != nil {
		return fmt.Sprintf("At %s there are no effects on p99/mean: %v.", at, e.Err)
	}
	excludes := "its interval excludes no effect"
	switch {
	case math.IsNaN(e.Best.Ratio.Lo):
		excludes = "one block has no interval"
	case e.Best.Ratio.Lo <= 1:
		excludes = "its interval includes no effect"
	}
	var parts []string
	for _, share := range e.Shares {
		parts = append(parts, fmt.Sprintf("%s ×%.3g", share.What, math.Exp(share.Log)))
	}
	mixed := ""
	if e.Mixed != nil {
		mixed = fmt.Sprintf(" (the effect of %s is in them, which this fraction does not separate)", e.Mixed.What)
	}
	return fmt.Sprintf("At %s p99/mean is raised most by: %s, ×%s over %s (%s). Shapley's shares of the three largest: %s%s.",
		at, e.Best.What, e.Best.Ratio, runs.Count(e.Blocks, "block"), excludes, strings.Join(parts, ", "), mixed)
}

// An Amplification is by how much wrk's arithmetic raises p99/mean in the variant
// where it does so most.
type Amplification struct {
	Dataset     string
	Connections int
	Most        *Variant // nil: no variant has a p99
	Of          int      // variants with a p99, of which it is the greatest
	Err         error
}

// Amplified finds where wrk's arithmetic raises p99/mean most.
func Amplified(s *runs.Set, connections int) Amplification {
	a := Amplification{Dataset: s.Meta.ID(), Connections: connections}
	variants, err := Variants(s, connections)
	a.Err = err
	for i := range variants {
		v := &variants[i]
		if v.Err != nil || v.TailErr != nil {
			continue
		}
		if a.Of++; a.Most == nil || v.Wrk.Estimate/v.Ratio.Estimate > a.Most.Wrk.Estimate/a.Most.Ratio.Estimate {
			a.Most = v
		}
	}
	return a
}

// String is the answer as a sentence.
func (a Amplification) String() string {
	switch {
	case a.Err != nil:
		return fmt.Sprintf("%s: %v.", a.Dataset, a.Err)
	case a.Most == nil:
		return fmt.Sprintf("%s has no usable run with a p99 at %s.", a.Dataset, runs.Count(a.Connections, "connection"))
	}
	return fmt.Sprintf("%s: under a client of many threads the load tool's own arithmetic turns a measured p99/mean of %s into a printed one of %s (variant %s, %s; the greatest of %s, over %s each).",
		a.Dataset, a.Most.Ratio, a.Most.Wrk, a.Most.Label, runs.Count(a.Connections, "connection"), runs.Count(a.Of, "variant"), runs.Count(a.Most.Ratio.N, "block"))
}
