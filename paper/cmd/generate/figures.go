// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crossing/notebooks/analysis/comparisons"
	"crossing/notebooks/analysis/distributions"
	"crossing/notebooks/analysis/figure"
	"crossing/notebooks/analysis/mystery"
	"crossing/notebooks/analysis/paperfigures"
	"crossing/notebooks/analysis/runs"
	"crossing/notebooks/analysis/saturation"
	"crossing/notebooks/analysis/tail"
)

// figures draws every figure that a released dataset has something for, as
// NAME-FIGURE.
func figures(out string, sets map[string]*runs.Set) error {
	for name, s := range sets {
		all, err := drawn(s)
		if err != nil {
			return err
		}
		for what, f := range all {
			if err := f.Save(out, name+"-"+what); err != nil {
				return err
			}
		}
	}
	return nil
}

func drawn(s *runs.Set) (map[string]*figure.Figure, error) {
	all := map[string]*figure.Figure{}
	loads := s.Connections()
	if len(loads) == 0 {
		return nil, nil
	}
	if designed(s) {
		all["waterfall"] = mystery.Waterfall(s, 8)
		all["effects"] = mystery.EffectsFigure(s, 8)
		return all, nil
	}
	for _, r := range s.Runs() {
		if r.Traced {
			groups, err := tail.Groups(s, file)
			if err != nil {
				return nil, err
			}
			all["stages"] = tail.Figure(s, groups)
			break
		}
	}
	for _, q := range []paperfigures.Quantity{paperfigures.Mean, paperfigures.P90, paperfigures.Throughput} {
		all[q.Name] = paperfigures.Figure(s, q, file)
	}
	steps, err := saturation.Ladder(s, file)
	if err != nil {
		return nil, err
	}
	if len(steps) > 0 {
		all["ladder"] = saturation.LadderFigure(s, steps)
	}
	const axis = "Ratio of mean latencies (below 1: lower)"
	all["contrasts-few"] = comparisons.Figure(s, "Mean latency, few connections", axis, contrasts(s, loads[0]))
	all["contrasts-many"] = comparisons.Figure(s, "Mean latency, many connections", axis, contrasts(s, loads[len(loads)-1]))
	all["saturation"] = saturation.Figure(s, file)
	at := between(loads)
	curves, err := distributions.Curves(s, file, at)
	if err != nil {
		return nil, err
	}
	all["percentiles"] = distributions.HDR(s, curves, at)
	return all, nil
}
