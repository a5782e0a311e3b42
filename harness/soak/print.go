// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Print writes the outcomes as a table, and below it what went wrong. It
// returns how many servers failed.
func Print(w io.Writer, c Config, outcomes []*Outcome, kernel [2]int64) (failed int) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "TIER\tANSWERS\tWRONG\tLEFT\tAGAIN\tCONNS\tMiB\t\tFILES\t\tBUFFERS\t\tVERDICT\t")
	for _, o := range outcomes {
		var bad int64
		for _, n := range o.Wrong {
			bad += n
		}
		verdict := "pass"
		if len(o.Problems) > 0 {
			verdict = "FAIL"
			failed++
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%.1f\t%.1f\t%d\t%d\t", o.Tier, o.Right, bad, o.Left, o.Again, o.Connections,
			mib(o.Early.RSSBytes), mib(o.Late.RSSBytes), o.Early.Files, o.Late.Files)
		switch {
		case o.Buffers != nil:
			fmt.Fprintf(t, "%d\t%d\t", o.Buffers.Start, o.Buffers.End)
		case o.Slab != nil:
			fmt.Fprintf(t, "%d\t%d\t", o.Slab[0], o.Slab[1])
		default:
			fmt.Fprint(t, "\t\t")
		}
		fmt.Fprintf(t, "%s\t\n", verdict)
	}
	_ = t.Flush()
	fmt.Fprintf(w, "kernel: %.1f MiB of its own that it cannot give back early, %.1f at the end\n", mib(kernel[0]), mib(kernel[1]))
	fmt.Fprintf(w, "%v, %d connections to each, netem %s in each direction; MiB and FILES: the most held in the second quarter and in the last;\n"+
		"BUFFERS: free at the start and the end (the module: its connections under load and after); LEFT: by the client on purpose;\nAGAIN: after the server had closed the connection\n",
		c.Duration.Round(time.Second), c.Connections, c.Netem)
	if c.Duration < judgedFrom {
		fmt.Fprintf(w, "growth was not judged: that takes %v\n", judgedFrom)
	}
	for _, o := range outcomes {
		for _, p := range o.Problems {
			fmt.Fprintf(w, "%s: %s\n", o.Tier, p)
		}
	}
	return failed
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
