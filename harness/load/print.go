// SPDX-License-Identifier: Apache-2.0

package load

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Print writes the summary for a reader at a terminal.
func (r *Result) Print(w io.Writer, s *Summary) {
	loop := "closed loop: each connection sends its next request as soon as the previous response has arrived"
	if r.Schedule != "" {
		loop = "open loop, " + r.Schedule + ": requests are sent when due, whatever the responses"
	}
	fmt.Fprintf(w, "%s\n%d connections, %d %s, waiting mode %s, %v after %v of warm-up\n\n", loop,
		r.Connections, r.Workers, plural(r.Workers, "worker"), r.Mode, r.Elapsed.Round(time.Millisecond), r.WarmUp)

	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "latency\tmean\tsd\tmin\tp50\tp90\tp99\tp99.9\tmax\t\n")
	type line struct {
		name string
		Latency
	}
	lines := []line{{"service", s.Service}, {"response", s.Response}}
	if s.Own.Max > 0 {
		lines = append(lines, line{"client's own", s.Own})
	}
	if s.Wrong.Max > 0 {
		lines = append(lines, line{"wrong responses", s.Wrong})
	}
	bound := false
	for _, l := range lines {
		quantile := func(name string, ns int64) string {
			if slices.Contains(l.Bounds, name) {
				bound = true
				return "≥ " + Ns(float64(ns))
			}
			return Ns(float64(ns))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", l.name, Ns(l.Mean), Ns(l.Dev),
			Ns(float64(l.Min)), quantile("p50", l.P50), quantile("p90", l.P90), quantile("p99", l.P99), quantile("p99.9", l.P999), Ns(float64(l.Max)))
	}
	t.Flush()
	fmt.Fprintln(w, "service counts from the send to the last byte, response from when the request was due;")
	if r.Schedule == "" {
		fmt.Fprintln(w, "in a closed loop they are the same; neither includes the queueing that a stalled closed loop omits")
	} else {
		fmt.Fprintln(w, "their difference is the wait for a free connection and the client's own delay")
	}
	if bound {
		fmt.Fprintln(w, "≥: a lower bound, since requests that were never answered are among the slowest")
	}
	if s.Own.Max > 0 {
		fmt.Fprintf(w, "the client's own share counts from the kernel's receive stamp to the last byte; sending adds %s (p99 %s, %d sampled)\n",
			Ns(float64(r.Transmit.Quantile(.5))), Ns(float64(r.Transmit.Quantile(.99))), r.Transmit.Total())
	}

	fmt.Fprintf(w, "\n%12.1f  requests per second (%d in all, %d failed)\n", s.Rate, s.Requests, s.Failed)
	mean := Ns(s.Mean)
	if s.MeanBound {
		mean = "≥ " + mean
	}
	fmt.Fprintf(w, "%12s  mean response time by Little's law (all waiting / responses)\n", mean)
	fmt.Fprintf(w, "%12s  of bodies per second\n", Bytes(s.BodyRate))
	fmt.Fprintf(w, "%12s  client CPU per request\n", Ns(s.CPU))
	if r.Schedule == "" {
		fmt.Fprintf(w, "%12s  per turn of a connection (connections / rate)\n", Ns(s.Cycle))
		fmt.Fprintf(w, "%12.4f  occupancy (mean number outstanding / connections)\n", s.Occupancy)
	} else {
		fmt.Fprintf(w, "%11.3f%%  adherence (requests sent within the run / due in it)\n", 100*s.Adherence)
	}
	fmt.Fprintf(w, "%12s  mean delay of a send by the client (p99 %s)\n", Ns(s.Late), Ns(float64(s.LateP99)))
	if s.Silent > 0 {
		fmt.Fprintf(w, "%12d  connections without a response in the measured part\n", s.Silent)
	}
	if s.Lost > 0 {
		fmt.Fprintf(w, "%11.2f%%  of the connections' time went to requests that were never answered\n", 100*s.Lost)
	}
	if r.Reconnects > 0 {
		fmt.Fprintf(w, "%12d  connections opened again\n", r.Reconnects)
	}
	if r.Watched > 0 {
		fmt.Fprintf(w, "%12s  p99 of this CPU's gaps over 1 µs before the run (%.0f/s, max %s): the floor of any tail\n",
			Ns(float64(r.Jitter.Quantile(.99))), float64(r.Jitter.Total())/r.Watched.Seconds(), Ns(float64(r.Jitter.Max())))
	}
	if len(s.Failures) > 0 {
		var kinds []string
		for kind, n := range s.Failures {
			kinds = append(kinds, fmt.Sprintf("%s %d", kind, n))
		}
		slices.Sort(kinds)
		fmt.Fprintf(w, "\nfailed: %s\n", strings.Join(kinds, ", "))
	}
	for _, text := range s.Warnings {
		fmt.Fprintf(w, "warning: %s\n", text)
	}
	if s.Rejected {
		fmt.Fprintln(w, "this run is rejected: do not use its figures")
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}

// Ns writes a time given in ns with three digits and its unit.
func Ns(ns float64) string {
	switch {
	case ns < 0:
		return "-" + Ns(-ns)
	case ns < 1e3:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e6:
		return digits(ns/1e3) + " µs"
	case ns < 1e9:
		return digits(ns/1e6) + " ms"
	}
	return digits(ns/1e9) + " s"
}

// Bytes writes a number of bytes with three digits and its unit (powers of ten).
func Bytes(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if n < 1000 || unit == "GB" {
			return digits(n) + " " + unit
		}
		n /= 1000
	}
	return ""
}

func digits(x float64) string {
	switch {
	case x < 9.995:
		return fmt.Sprintf("%.2f", x)
	case x < 99.95:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}
