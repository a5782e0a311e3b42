// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"fmt"
	"slices"
	"strings"

	"crossing/data/dataset"
)

// Overview is what the dataset holds, a row for each tier, under a header.
func (s *Set) Overview() (header []string, rows [][]string) {
	header = []string{"tier", "boundary", "loads", "files", "runs", "requests"}
	for _, t := range s.tiers {
		var loads, files []string
		n, requests := 0, int64(0)
		for _, r := range s.Runs() {
			if r.Tier != t.Name || r.Outcome != dataset.OK {
				continue
			}
			n++
			requests += r.Requests
			if !slices.Contains(loads, r.Load) {
				loads = append(loads, r.Load)
			}
			if !slices.Contains(files, r.File) {
				files = append(files, r.File)
			}
		}
		slices.SortFunc(loads, func(a, b string) int {
			if len(a) != len(b) {
				return len(a) - len(b)
			}
			return strings.Compare(a, b)
		})
		rows = append(rows, []string{t.Name, t.Boundary, strings.Join(loads, " "), strings.Join(files, " "), fmt.Sprint(n), fmt.Sprint(requests)})
	}
	return header, rows
}
