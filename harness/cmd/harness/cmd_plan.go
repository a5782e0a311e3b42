// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"crossing/harness/sweep"
)

func planCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "plan",
		Short: "List and show the plans that come with the program",
	}, planListCmd(), planShowCmd())
}

func planListCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the plans: dataset, testbed, runs, shortest time, purpose",
		Example: "  harness plan list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "PLAN\tDATASET\tTESTBED\tRUNS\tAT LEAST\tPURPOSE")
			for _, name := range sweep.Profiles() {
				p, err := sweep.ReadPlan(name)
				if err != nil {
					return err
				}
				var total time.Duration
				cells := p.Cells()
				for _, c := range cells {
					total += c.WarmUp + c.Duration
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%v\t%s\n", name, p.Name, p.Testbed, len(cells), total.Round(time.Second), purpose(name))
			}
			return w.Flush()
		},
	}
}

// purpose is the first sentence of the comment at the top of a profile.
func purpose(name string) string {
	b, err := sweep.ProfileText(name)
	if err != nil {
		return ""
	}
	var words []string
	for line := range strings.Lines(string(b)) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !ok {
			break
		}
		if text = strings.TrimSpace(text); text == "" || strings.HasPrefix(text, "SPDX") {
			continue
		}
		words = append(words, text)
		if strings.ContainsAny(text, ".?") {
			break
		}
	}
	text := strings.Join(words, " ")
	if at := strings.IndexAny(text, ".?:"); at >= 0 {
		text = text[:at]
	}
	return text
}

func planShowCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "show PLAN",
		Short:   "Print a plan, to be copied and changed",
		Example: "  harness plan show kick > my.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := sweep.ProfileText(args[0])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(b)
			return err
		},
	}
}
