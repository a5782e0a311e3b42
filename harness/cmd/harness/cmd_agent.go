// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"crossing/harness/sriov"
	"crossing/internal/root"
)

// agentCmd answers for a machine of testbed sriov.
func agentCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "agent",
		Short:  "Answer a harness on the standard input and output, and put this machine back at the end",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			home, err := root.Find()
			if err != nil {
				return err
			}
			return sriov.Serve(cmd.Context(), home)
		},
	}
}
