// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"errors"
	"fmt"
	"strings"
)

// A Loss is where the slowest 1 % of a tier's requests lose their time at a load:
// the part with the greatest share of what they take longer than the middle half.
type Loss struct {
	Tier, Load string
	Part       string  // empty where they take no longer
	Share      float64 // of the excess
	ExcessNs   float64
}

// Losses are those of all groups that have requests enough.
type Losses struct {
	Groups int
	Found  []Loss
}

// Answer finds where the slowest requests lose their time.
func Answer(groups []Group) Losses {
	l := Losses{Groups: len(groups)}
	for _, g := range groups {
		shares, total, err := Excess(g.Runs)
		if errors.Is(err, ErrNoExcess) {
			l.Found = append(l.Found, Loss{Tier: g.Tier.Name, Load: g.name()})
		}
		if err != nil {
			continue
		}
		best := 0
		for p := range shares {
			if shares[p] > shares[best] {
				best = p
			}
		}
		l.Found = append(l.Found, Loss{g.Tier.Name, g.name(), Names[best], shares[best], total})
	}
	return l
}

// Lines are the answer as sentences, one for each tier.
func (l Losses) Lines() (all []string) {
	if l.Groups == 0 {
		return []string{"This dataset has no traced runs, so it does not show where slow requests spend their time."}
	}
	if len(l.Found) == 0 {
		return []string{"No traced run of this dataset has requests enough to show where the slowest 1 % lose their time."}
	}
	of := ""
	for _, f := range l.Found {
		at := fmt.Sprintf("at %s none (they take no longer)", f.Load)
		if f.Part != "" {
			at = fmt.Sprintf("at %s %.0f %% in “%s”", f.Load, 100*f.Share, f.Part)
		}
		if f.Tier == of {
			all[len(all)-1] += ", " + at
			continue
		}
		of = f.Tier
		all = append(all, fmt.Sprintf("%s: of the time that the slowest 1 %% take longer than the middle half, %s", of, at))
	}
	for i := range all {
		all[i] += "."
	}
	return all
}

// String is the answer as text.
func (l Losses) String() string { return strings.Join(l.Lines(), " ") }
