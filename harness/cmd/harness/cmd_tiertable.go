// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crossing/harness/tier"
	"crossing/internal/root"
	"crossing/servers/conformance"
)

func tierTableCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "table",
		Short:   "Print the HTTP conformance matrix of all servers, as Markdown",
		Example: "  harness tier table >servers/CONFORMANCE.md",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := root.Find()
			if err != nil {
				return err
			}
			tiers, err := tier.All(filepath.Join(dir, "servers"))
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), conformanceTable(tiers))
			return err
		},
	}
}

// conformanceTable is the table of rows and tiers: a dot where a tier does
// what is demanded, a number where it does something else, told below.
func conformanceTable(tiers []*tier.Tier) string {
	var b strings.Builder
	b.WriteString("# HTTP conformance matrix\n\nMade by `harness tier table` from the tier files, which the tests compare with what is\nobserved over real sockets. A dot: conforms. A number: deviates, see below.\n\n| row | source |")
	for _, t := range tiers {
		b.WriteString(" " + t.Name + " |")
	}
	b.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(tiers)) + "\n")
	var seen []string
	for _, r := range conformance.Rows() {
		fmt.Fprintf(&b, "| %s | %s |", r.Name, r.Source)
		for _, t := range tiers {
			d, ok := t.Deviations[r.Name]
			if !ok {
				b.WriteString(" · |")
				continue
			}
			i := slices.Index(seen, d)
			if i < 0 {
				i = len(seen)
				seen = append(seen, d)
			}
			fmt.Fprintf(&b, " %d |", i+1)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for i, d := range seen {
		fmt.Fprintf(&b, "%d. %s\n", i+1, d)
	}
	return b.String()
}
