package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"crossing/harness/doctor"
	"crossing/harness/machine"
)

func doctorCmd() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what keeps testbeds and tiers from running here, and what to do about it",
		Long: `Doctor looks at this machine and touches nothing. Each line says what was found; what
blocks something names it and the remedy. The exit status is 0 unless the netns testbed,
which needs no hardware, is blocked.`,
		Example: "  harness doctor\n  harness doctor --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := doctor.Examine(&doctor.Machine{
				Root: "/", Release: machine.Kernel(),
				Has: func(command string) bool {
					_, err := exec.LookPath(command)
					if err != nil {
						_, err = exec.LookPath("/usr/sbin/" + command)
					}
					return err == nil
				},
			})
			out := cmd.OutOrStdout()
			blocked := doctor.Blocked(findings)
			if asJSON {
				e := json.NewEncoder(out)
				e.SetIndent("", "  ")
				if err := e.Encode(findings); err != nil {
					return err
				}
			} else {
				w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
				for _, f := range findings {
					fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.Check, f.Found)
					if f.Remedy != "" && f.State != doctor.Fine {
						fmt.Fprintf(w, "\t\t→ %s\n", f.Remedy)
					}
				}
				if err := w.Flush(); err != nil {
					return err
				}
				if len(blocked) > 0 {
					fmt.Fprintf(out, "\nblocked here: %s\n", strings.Join(blocked, ", "))
				}
			}
			for _, b := range blocked {
				if b == "netns" {
					return fmt.Errorf("the netns testbed cannot run here; see above")
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return c
}
