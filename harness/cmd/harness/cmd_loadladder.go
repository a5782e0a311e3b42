// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"crossing/harness/load"
)

func loadLadderCmd() *cobra.Command {
	o := &loadOptions{}
	var capacity float64
	var shares []float64
	c := &cobra.Command{
		Use:   "ladder [flags] URL",
		Short: "Find a server's capacity, and measure it at shares of that",
		Long: `Find the highest rate of Poisson arrivals that a server carries on a number of
connections, and measure its latencies at 10 to 95 % of that rate.`,
		Example: "  harness load ladder -c 16 -d 2s http://127.0.0.1:8080/100",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.url = args[0]
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			if err := o.prepare(ctx); err != nil {
				return err
			}
			for _, s := range shares {
				if s <= 0 || s > 2 {
					return fmt.Errorf("--shares %g: want shares of the capacity, from 0 to 2", s)
				}
			}
			if capacity < 0 {
				return errors.New("--capacity must not be negative")
			}
			if capacity == 0 {
				var err error
				capacity, err = load.Capacity(ctx, o.Config, func(s load.Step) {
					fmt.Fprintf(cmd.ErrOrStderr(), "trying %.0f/s: adherence %.2f %%\n", s.Rate, 100*s.Summary.Adherence)
				})
				if err != nil {
					return err
				}
			}
			if !o.json {
				fmt.Fprintf(out, "capacity %.0f requests/s on %d connections\n", capacity, o.Connections)
			}
			w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
			fmt.Fprint(w, "share\toffered/s\tanswered/s\tadherence\tresponse p50\tp90\tp99\tservice p50\tp99\tlateness p99\t\n")
			steps, err := load.Ladder(ctx, o.Config, capacity, shares, func(s load.Step) {
				r, v := s.Summary.Response, s.Summary.Service
				fmt.Fprintf(w, "%.0f %%\t%.0f\t%.0f\t%.2f %%\t%s\t%s\t%s\t%s\t%s\t%s\t\n", 100*s.Share, s.Rate, s.Summary.Rate, 100*s.Summary.Adherence,
					ns(r.P50), ns(r.P90), ns(r.P99), ns(v.P50), ns(v.P99), ns(s.Result.Lateness.Quantile(.99)))
				fmt.Fprintf(cmd.ErrOrStderr(), "measured at %.0f %% of the capacity\n", 100*s.Share)
			})
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(out, steps)
			}
			return w.Flush()
		},
	}
	o.flags(c)
	f := c.Flags()
	f.Float64Var(&capacity, "capacity", 0, "requests per second; 0: find it")
	f.Float64SliceVar(&shares, "shares", load.Shares, "shares of the capacity to measure at")
	return c
}

func ns(v int64) string { return load.Ns(float64(v)) }
