// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"crossing/harness/tier"
)

// skeleton is a tier file with all that most servers need, and why.
const skeleton = `name: %[1]s
boundary: user            # user, kernel or bypass: what answers the request
title: %[1]s, in a few words
testbeds: [netns, vm, sriov]
needs:
  commands: [%[1]s]       # looked up on PATH
  packages: [%[1]s]       # Debian's, that bring them
files: {}                 # name in {{.State}}: template beside this file, for configuration
options: {}               # tunables: {threads: "1"}, used as {{.Options.threads}}
env: {}
# A process that stays in the foreground and ends on SIGTERM. Also at hand:
# .IP .Port .State .Bin .Iface .MAC .PeerIP .PeerMAC .CPUs
start: [%[1]s, --listen, "{{.Addr}}", --root, "{{.Root}}"]
ready: {path: /100, within: 10s}
# Rows of the conformance kit in which this server deviates, and what is seen
# there: the lines that "harness tier check --declare %[1]s" prints.
deviations: {}
`

func tierNewCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "new NAME [FOLDER]",
		Short: "Write a tier file for a server of your own",
		Long: `New writes FOLDER/NAME.tier.yaml (the present folder by default) to be filled in.
Set CROSSING_TIERS to the folder, and the tier stands beside the project's in every command.`,
		Example: "  harness tier new lighttpd ~/mytiers\n  CROSSING_TIERS=~/mytiers harness tier check lighttpd",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder := "."
			if len(args) == 2 {
				folder = args[1]
			}
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
			file := filepath.Join(folder, args[0]+tier.Suffix)
			f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if err != nil {
				return fmt.Errorf("%w; remove it first, or choose another name", err)
			}
			defer f.Close()
			if _, err := fmt.Fprintf(f, skeleton, args[0]); err != nil {
				return err
			}
			if _, err := tier.Read(file); err != nil {
				_ = os.Remove(file)
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s written; fill it in, then:\n  CROSSING_TIERS=%s harness tier check %s\n", file, folder, args[0])
			return f.Close()
		},
	}
}
