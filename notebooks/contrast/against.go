package contrast

import "crossing/notebooks/runs"

// yours is what changes from another server to the user's own.
const yours = "your server"

// Against compares one server with every other that the set has: a factor for
// each. It is for a server of one's own; more than one thing may differ.
func Against(s *runs.Set, server string) []Factor {
	var all []Factor
	for _, t := range s.Tiers() {
		if t.Name != server {
			all = append(all, Factor{yours, t.Name, server})
		}
	}
	return all
}
