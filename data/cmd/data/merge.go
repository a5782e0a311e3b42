// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"crossing/data/dataset"
)

func mergeCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "merge NEW PART…",
		Short: "Join the parts that several client hosts collected at the same time",
		Long: `Merge writes a new dataset whose runs hold the requests of all parts, moved to a
common time by the starts that their hosts recorded. Every figure is computed from
the joined rows; percentiles are never averaged.`,
		Example: "  data merge whole part-0 part-1",
		Args:    cobra.MinimumNArgs(3),
		RunE:    func(_ *cobra.Command, args []string) error { return dataset.Merge(args[0], args[1:]) },
	}
}
