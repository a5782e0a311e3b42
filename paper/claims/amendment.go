// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// An Amendment is a change of a claim's text or test after it was fixed.
type Amendment struct {
	Date   string   `yaml:"date" json:"date"`
	Claims []string `yaml:"claims" json:"claims"` // that it concerns; none: all
	Change string   `yaml:"change" json:"change"`
	After  string   `yaml:"after" json:"after"` // the data that had been seen
	// Before are the verdicts that the rule before the change gives on the
	// datasets released at version 1.0.0.
	Before map[string]string `yaml:"before" json:"before"`
}

func (a *Amendment) check(all []Claim) error {
	if _, err := time.Parse(time.DateOnly, a.Date); err != nil {
		return fmt.Errorf("date: %w", err)
	}
	if a.Change == "" || a.After == "" || len(a.Before) == 0 {
		return errors.New("change, after and before must be there")
	}
	known := func(id string) bool { return slices.ContainsFunc(all, func(c Claim) bool { return c.ID == id }) }
	for _, id := range a.Claims {
		if !known(id) {
			return fmt.Errorf("no claim is named %s", id)
		}
	}
	for id, verdict := range a.Before {
		if !known(id) {
			return fmt.Errorf("before: no claim is named %s", id)
		}
		if !slices.Contains(Verdicts, Verdict(verdict)) {
			return fmt.Errorf("before: %q is no verdict", verdict)
		}
	}
	return nil
}
