// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"crossing/harness/load"
	"crossing/harness/testbed"
)

func loadStallCmd() *cobra.Command {
	var duration time.Duration
	var connections int
	var rate float64
	var asJSON bool
	c := &cobra.Command{
		Use:     "stall",
		Example: "  harness load stall",
		Short:   "Show what each way of measuring makes of a server that stops for 100 ms in each second",
		Long: `Stop a server for 100 ms in each second (SIGSTOP), and have it measured in every
way, beside what follows by arithmetic: with Poisson arrivals a tenth of the users
wait, so that the p99 is 90 ms and the mean 5 ms.

wrk and wrk2 are run too, where they are installed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, client, err := testbed.CPUs()
			if err != nil {
				return err
			}
			rows, err := load.Stall(cmd.Context(), duration, connections, rate, server[0], client[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), rows)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "MEASURED BY\tMEAN\tP50\tP90\tP99\tP99.9\tMAX\t")
			for _, r := range rows {
				if r.Max == 0 && r.P99 == 0 {
					fmt.Fprintf(w, "%s\t\t\t\t\t\t\t%s\n", r.Name, r.Note)
					continue
				}
				p999 := ns(r.P999)
				if r.P999 == 0 {
					p999 = "-" // wrk prints none
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, load.Ns(r.Mean), ns(r.P50), ns(r.P90), ns(r.P99), p999, ns(r.Max), r.Note)
			}
			return w.Flush()
		},
	}
	f := c.Flags()
	f.DurationVarP(&duration, "duration", "d", 5*time.Second, "length of each measurement")
	f.IntVarP(&connections, "connections", "c", 16, "kept-alive connections")
	f.Float64Var(&rate, "rate", 2000, "of the open loops, requests per second")
	f.BoolVar(&asJSON, "json", false, "print the table as JSON, times in ns")
	return c
}
