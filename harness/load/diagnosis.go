// SPDX-License-Identifier: Apache-2.0

package load

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"crossing/data/dataset"
	"crossing/notebooks/stats"
)

// A Diagnosis says how far the run's figures can be trusted.
type Diagnosis struct {
	// Poisson schedules: are the gaps between the sends exponential with the
	// rate that was asked for?
	Arrivals *ArrivalTest `json:"arrivals,omitempty"`
	// Kendall's tau of the mean response times of successive windows with time,
	// and its p-value: a small one means that the server was not steady.
	Trend  float64 `json:"trend_tau"`
	TrendP float64 `json:"trend_p"`
	// How many independent latencies tell as much of the mean as these, which
	// depend on each other; and the correlation of each with the next one due.
	Effective float64 `json:"effective_samples"`
	Lag1      float64 `json:"lag1"`
}

// An ArrivalTest is the outcome of the Anderson–Darling test.
type ArrivalTest struct {
	A2   float64 `json:"a2"`
	P    float64 `json:"p"`
	Gaps int     `json:"gaps"` // tested
}

const (
	// With any number of gaps the test would find that a client cannot send two
	// requests within the same microsecond. A thousand find what matters.
	testedGaps = 1000
	// Windows of the trend test.
	trendWindow = 100 * time.Millisecond
	// Latencies that the autocorrelation is taken of: the middle of the run.
	correlated = 20000
)

// Diagnose computes the diagnosis of the measured part.
func (r *Result) Diagnose() (d Diagnosis) {
	var measured []*dataset.Request
	for i := range r.Requests {
		if q := &r.Requests[i]; !q.WarmUp && q.OK() {
			measured = append(measured, q)
		}
	}
	if strings.HasPrefix(r.Schedule, "poisson") {
		d.Arrivals = r.arrivals()
	}

	windows := int(r.Elapsed / trendWindow)
	sums, counts := make([]float64, windows), make([]float64, windows)
	for _, q := range measured {
		if w := int((q.IntendedNs - int64(r.WarmUp)) / int64(trendWindow)); w < windows {
			sums[w] += float64(q.ResponseNs())
			counts[w]++
		}
	}
	var means []float64
	for w, n := range counts {
		if n > 0 {
			means = append(means, sums[w]/n)
		}
	}
	d.TrendP = 1
	if tau, p, err := stats.MannKendall(means); err == nil {
		d.Trend, d.TrendP = tau, p
	}

	middle := measured
	if cut := len(measured) - correlated; cut > 0 {
		middle = measured[cut/2 : cut/2+correlated]
	}
	latencies := make([]float64, len(middle))
	for i, q := range middle {
		latencies[i] = float64(q.ResponseNs())
	}
	d.Effective, d.Lag1 = stats.EffectiveSize(latencies), stats.Autocorrelation(latencies, 1)
	if math.IsNaN(d.Effective) { // no variance
		d.Effective, d.Lag1 = float64(len(latencies)), 0
	}
	if len(middle) > 0 {
		d.Effective *= float64(len(measured)) / float64(len(middle))
	}
	return d
}

// arrivals tests gaps between sends that are spread over the run.
func (r *Result) arrivals() *ArrivalTest {
	var rate float64
	if _, err := fmt.Sscanf(r.Schedule, "poisson %g/s", &rate); err != nil {
		return nil
	}
	var sent []int64
	for i := range r.Requests {
		if q := &r.Requests[i]; !q.WarmUp && q.Failure != dataset.Unsent && q.Failure != dataset.Shed {
			sent = append(sent, q.SentNs)
		}
	}
	slices.Sort(sent)
	step := max(1, (len(sent)-1)/testedGaps)
	var gaps []float64
	for i := step; i < len(sent); i += step {
		gaps = append(gaps, float64(sent[i]-sent[i-1])/1e9)
	}
	t := &ArrivalTest{Gaps: len(gaps)}
	if len(gaps) > 0 {
		t.A2, t.P = stats.AndersonDarling(gaps, rate)
	}
	return t
}

// Print writes the diagnosis for a reader at a terminal.
func (d *Diagnosis) Print(w io.Writer) {
	if a := d.Arrivals; a != nil && a.Gaps > 0 {
		fmt.Fprintf(w, "%12.3f  p that gaps between sends are exponential at the rate asked for (Anderson–Darling, A² %.2f, %d gaps)\n", a.P, a.A2, a.Gaps)
	}
	fmt.Fprintf(w, "%12.3f  p that there is no trend (Mann–Kendall on means of %v, τ %+.2f)\n", d.TrendP, trendWindow, d.Trend)
	fmt.Fprintf(w, "%12.0f  effective samples (lag-1 correlation %.2f): take intervals over runs, not over requests\n", d.Effective, d.Lag1)
}
