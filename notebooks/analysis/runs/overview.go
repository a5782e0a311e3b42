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

// Trust says in a sentence how far the runs can be trusted, by their marks.
func (s *Set) Trust() string {
	var parts []string
	for _, m := range []struct{ mark, means string }{
		{"client-bound", "the client could not go twice as fast"},
		{"steal", "a hypervisor stole over 1 % of the CPUs' time"},
		{"occupancy", "the client left connections idle"},
		{"earlier", "most of the waiting was for requests sent before the measured part, which no number counts"},
		{"little", "Little's law is off by over 1 %"},
	} {
		if marked, of := s.Marked(m.mark); marked > 0 {
			parts = append(parts, fmt.Sprintf("in %d of %d %s", marked, of, m.means))
		}
	}
	if len(parts) == 0 {
		return "No run bears a mark of the self-checks."
	}
	return "Of the usable runs, " + strings.Join(parts, ", ") + "."
}
