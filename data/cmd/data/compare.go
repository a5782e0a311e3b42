// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"crossing/data/dataset"
)

func compareCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "compare FOLDER FOLDER",
		Short: "Compare the runs that two datasets share, byte by byte",
		Long: `Compare takes the runs that both datasets have and compares every column of their rows
and every byte of their requests. Only datasets in virtual time repeat to the byte.`,
		Example: "  data compare data/vm-82576/v1.0.0 out/again/v0.0.0",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, dirs []string) error {
			a, err := dataset.Open(dirs[0])
			if err != nil {
				return err
			}
			b, err := dataset.Open(dirs[1])
			if err != nil {
				return err
			}
			n, differences := dataset.Compare(a, b)
			for _, d := range differences {
				fmt.Fprintln(cmd.OutOrStdout(), d)
			}
			switch {
			case n == 0:
				return errors.New("the datasets have no run in common")
			case len(differences) > 0:
				return fmt.Errorf("%d of the %d runs in common differ", len(differences), n)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d runs in common, every byte the same\n", n)
			return nil
		},
	}
}
